"""The claims of the three papers, by experiment, as data: which row is better than which, or has which value.

Names begin with the number of the published experiment: A of AutoSSVH, S of S5VH, C of ConMH. Where a paper's own
numbers could not be read, the claim is what its text, abstract or code implies. ``verdicts.judge`` compares runs with
them.

Records of methods trained on one dataset and measured on another say so by the dataset's name: "<one>-to-<other>".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import SIX
from .measures import measure_of
from .names import title


@dataclass(frozen=True)
class RowName:
    """The name of a row in records, and its label in the published numbers if that is another."""

    method: str
    label: str = ""
    variant: str = "paper"
    published_label: str | None = None

    def matches(self, record: Mapping[str, object]) -> bool:
        """Return whether a run belongs to this row."""
        return (record["method"], record["label"], record["variant"]) == (self.method, self.label, self.variant)


@dataclass(frozen=True)
class Claim:
    """A statement that ``row`` is better than ``over`` by a measure or, without ``over``, has the published value.

    Without ``row``, runs cannot decide it: a test shows it, or it must stay open. Claims of one experiment that differ
    in the last words of ``text`` only, for example in the method that is beaten, have these words in ``last``.
    """

    name: str
    item: str
    text: str
    last: str = field(default="", kw_only=True)
    row: RowName | None = None
    over: RowName | None = None
    measure: str = "mAP@20"
    datasets: tuple[str, ...] = ()  # where the paper shows it; () if that could not be read
    prefer: tuple[str, ...] = ()  # sources to take the published numbers from
    transfer: bool = False  # from one dataset to another, or else within one
    shown_by: str = ""  # a test
    open: str = ""  # why it cannot be judged

    @property
    def higher(self) -> bool:
        """Return whether the claim is that ``row`` has more than ``over``, as it is where more is better."""
        return measure_of(self.measure).higher

    def concerns(self, record: Mapping[str, object]) -> bool:
        """Return whether a run is of one of its rows, and within or across datasets as the claim is."""
        rows = [row for row in (self.row, self.over) if row]
        return ("-to-" in str(record["dataset"])) == self.transfer and any(row.matches(record) for row in rows)


CONMH, S5VH, AUTOSSVH = RowName("conmh"), RowName("s5vh"), RowName("autossvh")
_FIGURE = ("autossvh-issue",)  # the data of AutoSSVH's Figure 3
_TABLE = ("autossvh-paper",)
_FOUR = ("activitynet", "fcvid", "ucf101", "hmdb51")
_TWO = ("ucf101", "hmdb51")
_EARLIER = [RowName(name) for name in ("bth", "dkph", "mcmsh", "mfh", "jtae", "ssth", "ssvh", "bervae", "nph")]
_RETNET, _RWKV = (RowName("s5vh", f"S5VH, {name}") for name in ("retnet", "rwkv"))
_IX = RowName("autossvh", "IX AutoSSVH")
_RANDOM, _NO_SETS = (RowName("autossvh", name) for name in ("II random frames", "VIII without point-to-set (P2Set)"))
_MAMBA = RowName("s5vh", "S5VH, mamba", published_label="")
_WHOLE_S5VH = RowName("s5vh", "S5VH", published_label="")
_NO_CENTRES = RowName("s5vh", "without centre alignment (global)")
_SAMPLER = "Its sampler is better than "
_WHOLE_CONMH = RowName("conmh", "ConMH", published_label="")


_BACKBONES = {"lstm": "LSTM", "rwkv": "RWKV", "retnet": "RetNet", "transformer": "Transformer"}


def _name(row: RowName) -> str:
    return row.label.removeprefix("S5VH, ") or row.method


def _printed(row: RowName) -> str:
    return _BACKBONES.get(_name(row)) or title(row.method)


def _values(number: str, item: str, row: RowName, measures: tuple[str, ...], datasets: tuple[str, ...]) -> list[Claim]:
    return [
        Claim(f"{number}-{measure}", item, f"Has the published {measure}.", row, None, measure, datasets=datasets,
              last=measure)
        for measure in measures
    ]  # fmt: skip


AUTOSSVH_CLAIMS = [
    *_values("A1", "AutoSSVH, Figure 3", AUTOSSVH, SIX, _FOUR),
    *(
        Claim(f"A1-{_name(row)}", "AutoSSVH, Figure 3", f"Ranks better than {_printed(row)}.", AUTOSSVH, row,
              datasets=_FOUR, prefer=_FIGURE, last=_printed(row))
        for row in (*_EARLIER, CONMH, S5VH, _RETNET, _RWKV)
    ),
    *_values("A2", "AutoSSVH, equation 21", AUTOSSVH, ("GMAP", "GMAP (L2)"), _FOUR),
    *(
        Claim(f"A2-{_name(row)}", "AutoSSVH, equation 21", f"Its GMAP is above that of {_printed(row)}.", AUTOSSVH,
              row, "GMAP", datasets=_FOUR, prefer=_FIGURE, last=_printed(row))
        for row in (*_EARLIER, CONMH, S5VH, _RETNET, _RWKV)
    ),
    *(
        Claim(f"A3-conmh-{measure}", "AutoSSVH, Table 1", f"Ranks better than ConMH by {measure}.", AUTOSSVH,
              CONMH, measure, datasets=_TWO, last=measure)
        for measure in SIX[3:]
    ),
    Claim("A4", "AutoSSVH, Figure 4", "Its precision-recall curves are above the others'.",
          open="the paper's curves have no readable numbers; ours are drawn"),
    *(
        Claim(f"A5-{_name(row)}", "AutoSSVH, Table 2", f"Trained on one dataset and asked on another, it is above "
              f"{_printed(row)}.", AUTOSSVH, row, "GMAP", datasets=("ucf101-to-hmdb51",), prefer=_TABLE, transfer=True,
              last=_printed(row))
        for row in (RowName("bervae"), CONMH, RowName("mcmsh"), RowName("dkph"), RowName("bth"))
    ),
    *(
        Claim(f"A6-{label.partition(' ')[0]}", "AutoSSVH, Table 3", text, _IX, RowName("autossvh", label), "GMAP (L2)",
              datasets=_TWO, prefer=_TABLE, last=text.removeprefix(_SAMPLER)[:-1] if text.startswith(_SAMPLER) else "")
        for label, text in {
            "I without gradient reversal": "Reversing the sampler's gradient helps.",
            "II random frames": f"{_SAMPLER}random frames.",
            "III AttMask": f"{_SAMPLER}AttMask.",
            "IV AdaMAE": f"{_SAMPLER}AdaMAE.",
            "V ADIOS": f"{_SAMPLER}ADIOS.",
            "VI without reconstruction (FR)": "Rebuilding frames helps.",
            "VII without view contrast (VC)": "Contrast of two views helps.",
            "VIII without point-to-set (P2Set)": "The point-to-set loss helps.",
        }.items()
    ),
    Claim("A6-IX", "AutoSSVH, Table 3", "The whole method has the published value.", _IX, None, "GMAP (L2)",
          datasets=_TWO, prefer=_TABLE),
    Claim("A7-sampler", "AutoSSVH, Figure 5", "With its sampler it ends higher, by 9.1 %.", _IX, _RANDOM),
    Claim("A7-P2Set", "AutoSSVH, Figure 5", "With the point-to-set loss it ends higher, by 9.3 %.", _IX, _NO_SETS),
    Claim("A7-speed", "AutoSSVH, Figure 5", "With the point-to-set loss it gets there 70 % faster.", _IX, _NO_SETS,
          "epochs_to_level"),
    Claim("A8", "AutoSSVH, schedule", "Once the point-to-set loss joins after the warm-up, mAP rises further than "
          "without it.", _IX, _NO_SETS, "gain_after_warm_up", datasets=_FOUR),
    Claim("A9", "AutoSSVH, appendix", "The majority of each bit is the code with the least sum of Hamming distances to "
          "the members of a cluster.",
          shown_by="tests/clustering/test_kmeans.py::test_the_vote_is_the_code_nearest_to_all_members"),
]  # fmt: skip

S5VH_CLAIMS = [
    *_values("S1", "S5VH, Figure 3", S5VH, SIX, _FOUR),
    *(
        Claim(f"S1-{_name(row)}", "S5VH, Figure 3", f"Ranks better than {_printed(row)}.", S5VH, row, datasets=_FOUR,
              last=_printed(row))
        for row in (*_EARLIER, CONMH)
    ),
    *(
        Claim(f"S2-{name}", "S5VH, Figure 1a", f"{text} with Mamba than with a Transformer.", _MAMBA,
              RowName("s5vh", "S5VH, transformer"), measure)
        for name, text, measure in (
            ("memory", "Encoding 2,000 frames needs less memory", "peak_bytes_2000"),
            ("compute", "Encoding 2,000 frames needs fewer operations", "flops_2000"),
        )
    ),
    Claim("S3", "S5VH, Figure 1b", "With the alignment to centres it converges in fewer epochs.", _WHOLE_S5VH,
          _NO_CENTRES, "epochs_to_level"),
    Claim("S4", "S5VH, Figure 4", "Its precision-recall curves are above the others'.",
          open="the paper's curves have no readable numbers; ours are drawn"),
    Claim("S5", "S5VH, Figure 5", "Codes of ten classes form groups in the plane.",
          open="a picture, to be judged by eye"),
    Claim("S6", "S5VH, Tables 1 and 2", "Not readable.", open="the tables could not be read"),
    *(
        Claim(f"S7-{name}", "S5VH, backbones", f"Mamba is better than {printed}.", _MAMBA,
              RowName("s5vh", f"S5VH, {name}"), datasets=_FOUR, prefer=_FIGURE, last=printed)
        for name, printed in _BACKBONES.items()
    ),
    *(
        Claim(f"S8-{name}", "S5VH, losses", text, _WHOLE_S5VH, row)
        for name, text, row in (
            ("self", "Rebuilding frames helps.", RowName("s5vh", "without reconstruction (self)")),
            ("local", "Contrast of two views helps.", RowName("s5vh", "without contrast (local)")),
            ("global", "Alignment to centres helps.", _NO_CENTRES),
        )
    ),
    *(
        Claim(f"S9-{name}", "S5VH, hash centres", text, _WHOLE_S5VH, RowName("s5vh", label))
        for name, text, label in (
            ("optimised", "Optimising the centres helps.", "Hadamard centres, not optimised"),
            ("random", "Optimised centres are better than random ones.", "random centres, not optimised"),
        )
    ),
    Claim("S10", "S5VH, hyper-parameters", "Mask ratio, number of centres, weights and size matter.",
          open="no direction could be read; our sweeps stand for themselves"),
]  # fmt: skip

CONMH_CLAIMS = [
    *_values("C1", "ConMH, main table", CONMH, SIX, ("fcvid", "activitynet", "yfcc")),
    *(
        Claim(f"C2-{ratio}", "ConMH, mask ratio", f"Hiding {ratio} of the frames is better than hiding 0.25.",
              RowName("conmh", f"mask ratio {ratio}"), RowName("conmh", "mask ratio 0.25"))
        for ratio in (0.5, 0.75)
    ),
    *(
        Claim(f"C3-{name}", "ConMH, losses", text, _WHOLE_CONMH, RowName("conmh", label))
        for name, text, label in (
            ("contrast", "Contrast helps beside reconstruction.", "reconstruction only"),
            ("reconstruction", "Reconstruction helps beside contrast.", "contrast only"),
            ("debiased", "Debiasing the contrast helps.", "contrast not debiased"),
        )
    ),
    Claim("C4-mAP", "ConMH, Figure 1", "One stage ranks better than the two of BTH.", CONMH, RowName("bth")),
    Claim("C4-time", "ConMH, Figure 1", "One stage takes less time than the two of BTH.", CONMH, RowName("bth"),
          "seconds"),
    Claim("C5", "ConMH, size", "Depth and width matter.",
          open="no direction could be read; our sweep stands for itself"),
]  # fmt: skip

CLAIMS = {claim.name: claim for claim in [*AUTOSSVH_CLAIMS, *S5VH_CLAIMS, *CONMH_CLAIMS]}
_LABELS = {
    (row.method, row.label): row.published_label
    for claim in CLAIMS.values()
    for row in (claim.row, claim.over)
    if row and row.published_label is not None
}


def published_label(method: str, label: str) -> str:
    """Return the label of a row in the published numbers."""
    return _LABELS.get((method, label), label)
