"""A report of few targets, and how its Markdown is read."""

from dataclasses import dataclass
from pathlib import Path

from ssvh_lib.report.markdown import markdown
from ssvh_lib.report.sections import sections

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
BUDGET = {
    "dataset": "moving-digits", "preset": "small", "runs": 40, "kept": 4, "workers": 2, "wall_seconds": 1530,
    "cpu": "Some CPU", "cores": 2, "memory_peak_bytes": 3 * 2**30, "cuda": None, "commit": "0123456789abcdef",
    "versions": {"torch": "2.11.0"},
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """As much of a target as the report asks for."""

    heading: str
    item: str = ""
    data: str = ""
    rows: tuple[str, ...] = ()

    def order(self):
        return list(self.rows)


TARGETS = {
    "main": Target("Every method."),
    "A1": Target("mAP at 5 to 100.", "AutoSSVH, Figure 3", "main"),
    "A6": Target("AutoSSVH without its parts.", "AutoSSVH, Table 3"),
    "A9": Target("The majority vote is the nearest code.", "AutoSSVH, appendix"),
    "S7": Target("Other backbones.", "S5VH, backbones"),
}


def text_of(out: Path, targets=TARGETS) -> str:
    return markdown(sections(out, targets), {})


def chapter(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def target_of(text: str, name: str) -> str:
    return text.split(f'<a id="{name.lower()}"></a>')[1].split("\n### ")[0]


def row_of(text: str, claim: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {claim} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]
