"""The names of methods and rows as the papers, tables and figures print them."""

from __future__ import annotations

TITLES = {  # as the papers write them; others by their file's name; † where formulas are recalled, or our adaptation
    "autossvh": "AutoSSVH",
    "bervae": "BerVAE",
    "bth": "BTH",
    "chain": "CHAIN-style †",
    "conmh": "ConMH",
    "dkph": "DKPH",
    "itq": "ITQ",
    "jtae": "JTAE",
    "lsh": "LSH",
    "mcmsh": "MCMSH",
    "mfh": "MFH †",
    "nph": "NPH",
    "pca": "PCA sign",
    "s5vh": "S5VH",
    "sh": "SH",
    "ssth": "SSTH",
    "ssvh": "SSVH",
    "vhdt": "VHDT †",
}


def title(method: str) -> str:
    """A method's name as printed."""
    return TITLES.get(method, method)


def printed_name(method: str, variant: str, label: str = "", **_: object) -> str:
    """What a row is called: its label, or the method's name with its variant where that is not the paper's."""
    return label or title(method) + ("" if variant == "paper" else f" ({variant})")
