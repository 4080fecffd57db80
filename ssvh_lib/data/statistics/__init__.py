"""Statistics of a dataset, in bounded memory: ``ssvh data describe`` prints them."""

from .describe import describe
from .measures import MEASURES, Measure, Statistics

__all__ = ["MEASURES", "Measure", "Statistics", "describe"]
