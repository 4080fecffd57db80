"""The benchmark of the index measures every kind on the same codes. No speed."""

import numpy as np
import pytest
from random_codes import EXACT

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances
from ssvh_lib.search.index_kinds import KINDS


@pytest.mark.slow
def test_the_benchmark_measures_every_kind_on_the_same_codes():
    import pandas as pd

    from ssvh_lib.bench.index import Case, _codes, measure

    said = []
    cases = tuple(Case("clustered", 2_000, kind) for kind in (*KINDS, "hnsw"))
    table = pd.DataFrame(measure(said.append, cases))
    assert table["kind"].tolist() == [*KINDS, "hnsw"]
    assert len(said) == 4
    figures = table.drop(columns=["codes", "count", "kind"])
    assert (figures.drop(columns="MB").fillna(1) >= 0).all(axis=None)  # graphs have no search by radius
    assert (table["ms alone"] > 0).all()
    assert table.loc[table["kind"].isin(EXACT), "recall"].tolist() == [1.0] * len(EXACT)
    assert (table["recall"] > 0.3).all()
    for one, other in zip(_codes(cases[0]), _codes(cases[2]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_clustered_codes_of_the_benchmark_lie_as_far_from_each_other_as_it_says():
    from ssvh_lib.bench.index import Case, _codes

    database, queries = map(ssvh.Codes, _codes(Case("clustered", 3_000, "flat")))
    away = hamming_distances(queries, database)
    within = away[away < 24].mean()  # a cluster is a third of the codes, the others are 32 bits away
    assert (away < 24).mean() == pytest.approx(1 / 3, abs=0.05)
    assert within == pytest.approx(2 * 64 * (1 / 8) * (7 / 8), abs=0.3)
