"""The table of measures: each has one name, one key and one direction, and a misspelt one is refused."""

import pytest

from ssvh_lib import SSVHError
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.literature.measures import MEASURES, MeasureKind, in_words, measure_of, of_kind, value_of


def test_names_and_keys_are_unique():
    keys = [measure.key or measure.name for measure in MEASURES.values()]
    assert len(set(keys)) == len(keys)
    assert all(measure.name == name for name, measure in MEASURES.items())


def test_every_claim_is_about_a_measure_of_the_table():
    assert all(measure_of(claim.measure) for claim in CLAIMS.values())


def test_measures_with_cutoffs_have_a_value_for_each():
    record = {"map": {"5": 0.3, "20": 0.2}, "gmap": 0.25, "seconds": 7, "label": "GMAP"}
    assert measure_of("mAP@20").values(record) == {"mAP@5": 0.3, "mAP@20": 0.2}
    assert measure_of("GMAP").values(record) == {"GMAP": 0.25}
    assert measure_of("GMAP (L2)").values(record) == {}
    assert [value_of(record, name) for name in ("mAP@20", "mAP@21", "GMAP", "seconds")] == [0.2, None, 0.25, 7]


def test_columns_of_a_kind_keep_their_order():
    columns = ["GMAP", "label", "mAP@20", "seconds", "mAP@5", "mapped"]
    assert of_kind(MeasureKind.RANKING, columns) == ["GMAP", "mAP@20", "mAP@5"]
    assert of_kind(MeasureKind.COST, columns) == ["seconds"]


def test_words_are_the_name_where_that_can_be_read():
    assert in_words("mAP@20") == "mAP@20"
    assert in_words("epochs_to_level") == "epochs to the level"


def test_a_misspelt_measure_is_refused():
    with pytest.raises(SSVHError, match=r"no measure called 'second'\. Did you mean 'seconds'"):
        value_of({}, "second")


def test_measures_by_their_printed_names(make_record):
    record = make_record(at20=0.2, seconds=7.5, gmap=0.1, gmap_l2=0.4)
    measures = ("mAP@20", "GMAP", "GMAP (L2)", "seconds", "mAP@21", "flops_2000")
    assert [value_of(record, name) for name in measures] == [0.2, 0.1, 0.4, 7.5, None, None]
