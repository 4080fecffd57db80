"""The commands about data and search: ``ssvh data``, ``extract``, ``index`` and ``search``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from ..errors import SSVHError
from .common import Device, Root, echo_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..data.statistics import Statistics
    from ..search.page import Hit

Name = Annotated[str, typer.Argument(help="A name that `ssvh data list` shows: moving-digits, needle, ucf101 …")]


class _ShowByDefault(typer.core.TyperGroup):
    """A group in which ``ssvh data NAME`` is ``ssvh data show NAME``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer has no public name for its type
        if "--help" not in args[:1] and not set(args[:1]) & self.commands.keys():
            args = ["show", *args]
        return super().parse_args(ctx, args)


data = typer.Typer(
    cls=_ShowByDefault, help="Show, check, describe or convert a dataset: `ssvh data NAME` shows its sizes."
)


@data.command("list")
def list_datasets(root: Root = None) -> None:
    """List the datasets by name: the embedded worlds and their sizes, the published ones, and those in --root."""
    from ..data import EMBEDDED, PUBLISHED, WORLDS
    from ..data.embedded.worlds import SIZES
    from ..data.find import folders_in
    from ..utils.files import data_root

    typer.echo("Embedded, built on first use:")
    for name, world in WORLDS.items():
        typer.echo(f"  {name:<14} {world.purpose}")
    for name, size in SIZES.items():
        ending = "" if name == "small" else f"-{name}"
        typer.echo(f"  …{ending:<13} {size.train:,} training and {size.query:,} query videos")
    place = root or data_root()
    typer.echo(f"Published, once their files are in {place} (`ssvh data check NAME` says where to get them):")
    typer.echo(f"  {', '.join(PUBLISHED)}")
    if own := sorted(folders_in(place) - set(EMBEDDED)):
        typer.echo(f"Others in {place}:\n  {', '.join(own)}")


@data.command()
def show(
    names: Annotated[list[str] | None, typer.Argument(help="Names that `ssvh data list` shows.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw some of its videos, as SVG.")] = None,
    root: Root = None,
) -> None:
    """Show the sizes of datasets, and some of their videos; an embedded one is built first if it is missing."""
    from ..data import load_dataset

    datasets = [load_dataset(name, root, progress=True) for name in names or ["moving-digits"]]
    for dataset in datasets:
        typer.echo(f"{dataset.name} in {dataset.root}, fingerprint {dataset.fingerprint}")
        for part, videos in dataset.parts().items():
            per_video = videos.labels.sum(axis=1).mean()
            typer.echo(
                f"  {part:<9} {len(videos):>7,} videos x {videos.frames} frames x {videos.size} values, "
                f"{videos.labels.shape[1]} classes, {per_video:.2f} labels a video"
            )
    if figure is not None:
        from ..report import plots

        typer.echo(f"wrote {plots.save(plots.contact_sheet(datasets), figure)}")


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
def describe(
    names: Annotated[list[str] | None, typer.Argument(help="Datasets, side by side [default: moving-digits].")] = None,
    figure: Annotated[Path | None, typer.Option(help="Also draw them: FILE.svg or FILE.png.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write them as a table, a row for each dataset.")] = None,
    root: Root = None,
) -> None:
    """Show statistics of datasets beside those of real videos, and mark what is unlike them.

    How much of the variance is between classes, between videos and within a video; how alike frames are; how often the
    nearest neighbour is right, by one frame and by all; whether frames that are hard to rebuild tell the class; blank
    frames and copies; dimensions. Every value is read once or twice; 1.5 GB of memory is enough for any number of them.
    """
    from ..data import load_dataset
    from ..data.statistics import as_csv, table
    from ..data.statistics import describe as measure
    from ..utils.files import make_folder, write_text

    draw = _drawing_to(figure)  # what could fail later fails before hours of reading
    if csv is not None:
        make_folder(csv.parent)
    found = [measure(load_dataset(name, root, progress=True), progress=True) for name in names or ["moving-digits"]]
    typer.echo(table(found))
    written = draw(found)
    if csv is not None:
        write_text(csv, as_csv(found))
        written.append(csv)
    echo_written(written)


def _drawing_to(figure: Path | None) -> Callable[[list[Statistics]], list[Path]]:
    """Return what draws statistics into a file, if one is wanted, and lists it. SSVHError if that cannot work."""
    if figure is None:
        return lambda found: []
    from ..report import plots
    from ..utils.files import make_folder

    if figure.suffix not in plots.FORMATS:
        raise SSVHError(f"A figure is written as FILE.svg or FILE.png, not as {figure.name}.")
    make_folder(figure.parent)
    return lambda found: [plots.save(plots.dataset_statistics(found), figure)]


@data.command()
def halve(name: Name, out: Annotated[Path, typer.Argument(help="Folder of the copy.")], root: Root = None) -> None:
    """Copy a dataset with its features as float16: half the disk space, half the reading time."""
    from ..data.halve import halve as convert

    typer.echo(f"{name} with features as float16: {convert(name, out, root, progress=True)}")


def extract(
    videos: Annotated[
        Path,
        typer.Option(help="Folder of videos: files, or folders of frames. The first folders in it are the classes."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the dataset, for example data/my-videos.")],
    backbone: Annotated[
        str,
        typer.Option(
            help="efficientnet-lite0, which is installed; or an image model of Transformers, timm's included: its "
            "name on huggingface.co, or a local folder."
        ),
    ] = "efficientnet-lite0",
    frames: Annotated[int, typer.Option(min=1, help="Frames per video, evenly spaced in time.")] = 25,
    float16: Annotated[bool, typer.Option("--float16", help="Store features in half the space.")] = False,
    thumbnails: Annotated[
        str, typer.Option(help="Pictures for pages and the inspector: none, small (64 pixels) or full (224).")
    ] = "small",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Frames that the backbone processes at a time [default: 4, on a GPU 64].")
    ] = None,
    classes: Annotated[Path | None, typer.Option(help="CSV of path,labels[,split] instead of folders.")] = None,
    splits: Annotated[Path | None, typer.Option(help="Official lists of UCF101 or HMDB51: folder, or a list.")] = None,
    query_share: Annotated[float, typer.Option(help="Share of each class that becomes queries, without lists.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Seed by which these queries are drawn.")] = 0,
    device: Device = "auto",
) -> None:
    """Turn a folder of videos into a dataset: T features per video from a frozen image model, labels, thumbnails.

    A video is a file that PyAV reads, an animated GIF among them, or a folder with its frames as pictures and nothing
    else. Says first how much disk it takes. Safe to interrupt and start again. A video that cannot be read is skipped
    and named in report.csv.
    """
    from ..data.raw_video.extract import extract as describe

    report = describe(
        videos, out, backbone=backbone, frames=frames, float16=float16, thumbnails=thumbnails, batch_size=batch_size,
        device=device, classes=classes, splits=splits, query_share=query_share, seed=seed, say=typer.echo,
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
    video: Annotated[Path | None, typer.Option(help="Video to search for: a file, or a folder of frames.")] = None,
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
