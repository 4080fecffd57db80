"""Statistics of a dataset, in bounded memory: ``ssvh data describe`` prints them."""

from .measures import MEASURES, Measure, Statistics
from .passes import describe
from .real_sets import as_csv, outside, range_of, real_sets
from .table import table

__all__ = ["MEASURES", "Measure", "Statistics", "as_csv", "describe", "outside", "range_of", "real_sets", "table"]
