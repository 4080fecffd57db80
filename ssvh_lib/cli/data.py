"""The commands about data and search: ``ssvh data``, ``extract``, ``index`` and ``search``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from ..errors import SSVHError
from .common import Device, Root

if TYPE_CHECKING:
    from ..search.page import Hit

Name = Annotated[str, typer.Argument(help="moving-digits, ucf101, fcvid … or a folder of features in --root.")]


class _ShowByDefault(typer.core.TyperGroup):
    """A group in which ``ssvh data NAME`` is ``ssvh data show NAME``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer has no public name for its type
        if "--help" not in args[:1] and not set(args[:1]) & self.commands.keys():
            args = ["show", *args]
        return super().parse_args(ctx, args)


data = typer.Typer(cls=_ShowByDefault, help="Show, check or convert a dataset: `ssvh data NAME` shows its sizes.")


@data.command()
def show(name: Name = "moving-digits", root: Root = None) -> None:
    """Show a dataset's sizes; an embedded one is built first if it is missing."""
    from ..data import load_dataset

    dataset = load_dataset(name, root, progress=True)
    typer.echo(f"{dataset.name} in {dataset.root}, fingerprint {dataset.fingerprint}")
    for part, videos in dataset.parts().items():
        per_video = videos.labels.sum(axis=1).mean()
        typer.echo(
            f"  {part:<9} {len(videos):>7,} videos x {videos.frames} frames x {videos.size} values, "
            f"{videos.labels.shape[1]} classes, {per_video:.2f} labels a video"
        )


@data.command()
def check(name: Name = "moving-digits", root: Root = None) -> None:
    """Say what a folder was taken for, read every value, and report what is wrong; exit status 1 if anything is.

    A folder is read as its dataset.toml says. Without one it may hold the published files of one of the five datasets;
    one .npy, .npz or .pt file (frames x size) for each video, with classes as the first folders, from a labels.csv or
    from official lists; or HDF5 groups with lists, as AVHash publishes them. README.md shows each.

    The report has counts, classes, NaN, blank frames, copies within and between the sets; for a published dataset also
    what its authors publish, and where to get each missing file.
    """
    from ..data.check import check_dataset

    report = check_dataset(name, root, progress=True)
    typer.echo(report.text())
    if report.problems:
        raise typer.Exit(1)


@data.command()
def halve(name: Name, out: Annotated[Path, typer.Argument(help="Folder of the copy.")], root: Root = None) -> None:
    """Copy a dataset with its features as float16: half the disk space, half the reading time."""
    from ..data.halve import halve as convert

    typer.echo(f"{name} with features as float16: {convert(name, out, root, progress=True)}")


def extract(
    videos: Annotated[Path, typer.Option(help="Folder of videos; the first folders in it are the classes.")],
    out: Annotated[Path, typer.Option(help="Folder of the dataset, for example data/my-videos.")],
    backbone: Annotated[
        str, typer.Option(help="Image model of Transformers: name on huggingface.co, or a local folder.")
    ] = "microsoft/resnet-50",
    frames: Annotated[int, typer.Option(min=1, help="Frames per video, evenly spaced in time.")] = 25,
    batch_size: Annotated[int, typer.Option(min=1, help="Frames that the backbone processes at a time.")] = 64,
    classes: Annotated[Path | None, typer.Option(help="CSV of path,labels[,split] instead of folders.")] = None,
    splits: Annotated[Path | None, typer.Option(help="Official lists of UCF101 or HMDB51: folder, or a list.")] = None,
    query_share: Annotated[float, typer.Option(help="Share of each class that becomes queries, without lists.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Seed by which these queries are drawn.")] = 0,
    device: Device = "auto",
) -> None:
    """Turn a folder of videos into a dataset: T features per video from a frozen image model, labels, thumbnails.

    Safe to interrupt and start again. A video that cannot be read is skipped and named in report.csv.
    """
    from ..data.raw_video.extract import extract as describe

    report = describe(
        videos, out, backbone=backbone, frames=frames, batch_size=batch_size, device=device, classes=classes,
        splits=splits, query_share=query_share, seed=seed, progress=True,
    )  # fmt: skip
    typer.echo(str(report))


def index(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run, as `ssvh train` prints it.")],
    out: Annotated[Path, typer.Option(help="The index to write, for example my.index.")],
    kind: Annotated[
        str, typer.Option(help="flat (exact), multihash (exact, for small radii) or ivf (approximate, for millions).")
    ] = "flat",
    dataset: Annotated[str | None, typer.Option(help="Dataset whose database to index [default: the run's].")] = None,
    root: Root = None,
    device: Device = "auto",
) -> None:
    """Make a searchable index of a database, encoded by a trained run, for `ssvh search`."""
    from ..search.searcher import index_run
    from ..utils.files import make_folder
    from ..utils.words import size

    make_folder(out.parent)
    made = index_run(run, dataset, root, kind=kind, device=device)
    made.save(out)
    typer.echo(f"{out}: {len(made):,} codes of {made.bits} bits, kind {made.kind}, {size(out.stat().st_size)}")


def search(
    index: Annotated[Path, typer.Argument(help="File made by `ssvh index`.")],
    video: Annotated[Path | None, typer.Option(help="Video file to search for.")] = None,
    query: Annotated[int | None, typer.Option(help="Or the number of a query of the dataset, from 0.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Neighbours to find.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Also write a page with pictures.")] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder, if it was moved.")] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of datasets, if it was moved.")] = None,
    device: Device = "auto",
) -> None:
    """Find the videos nearest to a video file, or to a query of the dataset."""
    from ..search.page import render
    from ..search.searcher import Searcher
    from ..utils.files import make_folder, write_text

    if (video is None) == (query is None):
        raise SSVHError("Say what to search for: either --video FILE or --query NUMBER.")
    if html is not None:
        make_folder(html.parent)
    searcher = Searcher.open(index, run=run, root=root, device=device)
    if video is not None:
        wanted = searcher.video(video)
    else:
        assert query is not None  # as checked above
        wanted = searcher.query(query)
    found = searcher.nearest(wanted, k)
    typer.echo(f"Nearest to {wanted.video.title}, with the number of bits that differ:")
    for rank, hit in enumerate(found, start=1):
        typer.echo(_line(rank, hit))
    if html is not None:
        write_text(html, render(wanted.video, found, searcher.facts()))
        typer.echo(f"wrote {html}")


def _line(rank: int, hit: Hit) -> str:
    mark = "" if hit.relevant is None else "✓ " if hit.relevant else "  "
    return f"{rank:>4}. {hit.distance:>3}  {mark}{hit.video.title}  {', '.join(hit.video.classes)}".rstrip()
