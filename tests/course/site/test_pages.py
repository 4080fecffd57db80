"""Which pages there are and what they are called."""

from small_course import notebook, page

from ssvh_lib.course import site


def test_a_text_without_a_title_is_called_as_its_file(course, out):
    (course / "figures" / "tables").mkdir()
    (course / "figures" / "tables" / "main.md").write_text("| a |\n| --- |\n| 1 |\n")
    site.build(out, course)
    assert page(out, "figures/tables/main.html").h1.text == "main"


def test_notebooks_of_one_name_are_told_apart(course, out):
    for name in ("09_ablation_sampler", "10_ablation_losses"):
        notebook(course / "notebooks" / f"{name}.ipynb", f"# {name[:2]} · Ablation: something")
    site.build(out, course)
    menu = page(out, "index.html").find(id="menu").text
    assert "Ablation sampler" in menu
    assert "Ablation losses" in menu
