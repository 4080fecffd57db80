"""Numbers in words, as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Write seconds in a unit that gives two or three digits: "100 s", "25 min", "2.9 h"."""
    if seconds < 2 * 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def size(count: int) -> str:
    """Write a number of bytes in powers of 1,000: "512 kB", "3.4 MB" or "18.0 GB"."""
    if count < 1e6:
        return f"{count / 1e3:,.0f} kB"
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"
