"""The claims: every published experiment has one, and each is about rows and numbers that there are."""

from ssvh_lib import literature
from ssvh_lib.literature import lookup
from ssvh_lib.literature.claims import CLAIMS, Claim


def test_every_published_experiment_has_a_claim():
    numbers = {name.partition("-")[0] for name in CLAIMS}
    expected = {f"{paper}{n}" for paper, last in (("A", 9), ("S", 10), ("C", 5)) for n in range(1, last + 1)}
    assert numbers == expected
    for claim in CLAIMS.values():
        assert sum(map(bool, (claim.row, claim.shown_by, claim.open))) == 1, claim.name
        assert claim.text.endswith("."), claim.name
        assert not claim.last or claim.text.endswith(f" {claim.last}."), claim.name
        assert claim.item.startswith({"A": "AutoSSVH", "S": "S5VH", "C": "ConMH"}[claim.name[0]])
        assert set(claim.prefer) <= set(literature.numbers()["source"])


def test_rows_of_claims_are_rows_of_our_tables():
    from ssvh_lib.experiments.targets import TARGETS

    ours = {(row.method, row.label) for target in TARGETS.values() for row in target.rows}
    rows = {row for claim in CLAIMS.values() for row in (claim.row, claim.over) if row and row.label}
    assert {row.label for row in rows if (row.method, row.label) not in ours} == set()


def test_claims_of_the_ablation_have_their_published_numbers():
    for name in (f"A6-{number}" for number in "I II III IV V VI VII VIII".split()):
        claim: Claim = CLAIMS[name]
        for dataset in claim.datasets:
            for bits in (16, 32, 64):
                whole, part = (
                    lookup(dataset, row.method, bits, claim.measure, label=row.label) for row in (claim.row, claim.over)
                )
                assert whole.value > part.value
