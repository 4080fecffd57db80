"""What search knows of the pages."""

from small_course import index


def test_search_knows_titles_headings_prose_and_code_but_no_outputs_nor_long_formulas(built):
    found = {entry["address"]: entry for entry in index(built)}
    assert list(found)[:3] == ["notebooks/00_start.html", "notebooks/02_codes.html", "notebooks/06_conmh.html"]
    opening, second = found["notebooks/02_codes.html"]["sections"]
    assert opening[2] == "You will see codes."
    assert second[:2] == ["By the end: Gumbel", "by-the-end-gumbel"]
    for words in ("The rate a_t < b matters", "distance = (a != b).sum()"):
        assert words in second[2]
    for words in ("printed", r"\sum_{i=1}^{K}"):
        assert words not in second[2]
    assert [address for address, entry in found.items() if entry["solution"]] == ["notebooks/solutions/02_codes.html"]
