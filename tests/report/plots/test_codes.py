"""Figures of codes: maps, matrices, the balance of bits, distances and angles."""

import numpy as np
from panels import points, written

import ssvh_lib as ssvh
from ssvh_lib.evaluation.codes import code_health
from ssvh_lib.report import plots


def test_the_histogram_separates_relevant_from_irrelevant_pairs():
    distances = np.array([[0, 1, 1, 4], [2, 2, 2, 2]])
    relevant = np.array([[True, True, True, False], [False, False, False, True]])
    (panel,) = plots.hamming_histogram(distances, relevant, bits=4).axes
    near, far = panel.containers
    np.testing.assert_allclose([bar.get_height() for bar in near], [1 / 4, 2 / 4, 1 / 4, 0, 0])
    np.testing.assert_allclose([bar.get_height() for bar in far], [0, 0, 3 / 4, 0, 1 / 4])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in near], range(5))


def test_maps_of_codes_have_a_row_for_each_projection_and_a_column_for_each_method(make_record):
    found = {"x": [0.0, 1.0, 2.0], "y": [3.0, 4.0, 5.0], "class": [0, 1, 1], "classes": ["zero", "one"]}
    records = [make_record("conmh", projection=projection, **found) for projection in ("UMAP", "t-SNE")]
    records += [
        make_record("itq", projection="t-SNE", **found),
        make_record("itq", seed=1, projection="t-SNE", **found),
    ]
    figure = plots.code_maps(records, ["ITQ", "ConMH"])
    upper, _, lower, _ = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["ITQ", "ConMH", "", ""]
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("t-SNE", "UMAP")
    np.testing.assert_allclose(upper.collections[1].get_offsets(), [[1, 4], [2, 5]])
    assert written(lower) == ["—"]  # ITQ has no UMAP
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["zero", "one"]


def test_a_code_matrix_shows_signs_and_hamming_distances():
    signs = np.array([[1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, -1, -1]])
    left, right, _ = plots.code_matrix(signs, "centres").axes
    np.testing.assert_array_equal(left.images[0].get_array(), signs)
    np.testing.assert_array_equal(right.images[0].get_array(), [[0, 1, 4], [1, 0, 3], [4, 3, 0]])
    assert right.get_title() == "at least 1, on average 2.7"
    assert plots.code_matrix(signs[:1]).axes[1].get_title() == "a single code"


def test_the_health_of_codes_is_a_bar_for_each_bit():
    health = code_health(ssvh.Codes.from_values(np.array([8 * [1.0], 4 * [1.0, -1.0]])))
    balance, entropy = plots.code_health({"toy": health}).axes
    assert [bar.get_height() for bar in balance.patches] == 4 * [1, 0.5]
    assert [bar.get_height() for bar in entropy.patches] == 4 * [0, 1]
    assert written(entropy) == ["2 different codes"]


def test_angles_are_held_against_random_hyperplanes():
    (panel,) = plots.angle_and_bits(np.array([0.0, 90.0]), np.array([0, 7]), 16).axes
    np.testing.assert_allclose(points(panel), [[0, 0], [90, 7]])
    np.testing.assert_allclose(np.interp(90, *panel.lines[0].get_data()), 8)
