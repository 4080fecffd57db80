"""The inspector as a widget: sliders and menus around ``explain``, ``nearest`` and what renders them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape

import ipywidgets as widgets
import numpy as np

from ..data import load_dataset
from ..errors import SSVHError
from ..training.runs import Run
from ..utils.files import runs_root
from .html import render_neighbours, render_view
from .neighbours import flip, nearest
from .subject import Subject, inspected_datasets, subjects
from .view import explain

ANY = "any class"
ORDERS = ("as stored", "most agreeing first", "least agreeing first")
SLIDERS = (widgets.IntSlider, widgets.FloatSlider, widgets.SelectionSlider)
FULL = {"width": "100%", "min_width": "0"}
TEMPERATURES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LISTED = 500  # videos in the list


def choices(run: Subject, label: str = ANY, order: str = ORDERS[0]) -> list[int]:
    """List the queries of a class in the order asked for; by agreement, those of which it is not known come last."""
    labels = run.dataset.query.labels
    rows = np.arange(len(labels)) if label == ANY else np.flatnonzero(labels[:, run.dataset.classes.index(label)])
    if order == ORDERS[0] or run.agreements is None:
        return rows.tolist()
    sign = -1 if order == ORDERS[1] else 1
    return rows[np.argsort(sign * run.agreements[rows], kind="stable")].tolist()


class Inspector:
    """``Inspector(subject).widget`` is shown by a notebook; ``view`` is what it shows at the moment."""

    def __init__(self, run: Subject, *, video: int = 0):
        self.run, self.view, self.flipped = run, explain(run, video), np.zeros(0, bool)
        self._silent = False
        self._make_controls()
        self.picture, self.neighbours, self.message = (widgets.HTML(layout=FULL) for _ in range(3))
        self.widget = self._laid_out()
        with self._quietly():
            self._fit_controls()
            self._offer(video)
        self._listen()
        self._show_video()

    def _make_controls(self) -> None:
        names = sorted({*inspected_datasets(), self.run.dataset.name})
        self.dataset = _named(widgets.Dropdown, "dataset", options=names, value=self.run.dataset.name)
        self.runs = _named(widgets.Dropdown, "run", options=_run_options(self.run.run, self.run))
        self.label = _named(widgets.Dropdown, "class", options=[ANY, *self.run.dataset.classes])
        self.order = _named(widgets.Dropdown, "order", options=ORDERS)
        self.video = _named(widgets.Dropdown, "video", options=[0])
        self.noise = _named(widgets.FloatSlider, "noise", min=0.0, max=3.0, step=0.05)
        self.temperature = _named(widgets.SelectionSlider, "temperature", options=TEMPERATURES)
        self.budget = _named(widgets.IntSlider, "budget", min=1, max=2)
        self.epoch = _named(widgets.SelectionSlider, "epoch", options=[0])
        self.seed = _named(widgets.BoundedIntText, "draws from seed", min=0, max=10**6)
        self.bit = _named(widgets.IntSlider, "bit", min=0, max=1)
        self.random = _button("Random video", "Take any video of the list")
        self.again = _button("Draw again", "The same scores, other noise")
        self.turn = _button("Flip this bit", "Turn the outlined bit over")
        self.least = _button("Flip the least certain bit", "Turn over the bit nearest to zero that is not flipped yet")
        self.undo = _button("Undo flips", "Back to the code of the video")

    def _laid_out(self) -> widgets.VBox:
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        choose = ((self.dataset, self.runs, self.epoch), (self.label, self.order, self.video, self.random))
        slide = (self.noise, self.temperature, self.budget, self.seed, self.again)
        code = (self.bit, self.turn, self.least, self.undo)
        first, second, third, fourth = (widgets.HBox(row, layout=wrap) for row in (*choose, slide, code))
        rows = [first, second, third, self.message, self.picture, fourth, self.neighbours]
        return widgets.VBox(rows, layout=widgets.Layout(overflow="hidden"))

    def _listen(self) -> None:
        for control in (self.noise, self.temperature, self.budget, self.seed):
            control.observe(self._reacting(self._show_view), "value")
        for control in (self.video, self.epoch):
            control.observe(self._reacting(self._show_video), "value")
        for control in (self.label, self.order):
            control.observe(self._reacting(self._list_videos), "value")
        self.dataset.observe(self._reacting(self._change_dataset), "value")
        self.runs.observe(self._reacting(self._change_run), "value")
        self.bit.observe(self._reacting(self._show_neighbours), "value")
        self.random.on_click(self._reacting(self._any_video))
        self.again.on_click(self._reacting(self._draw_again))
        self.turn.on_click(self._reacting(lambda: self._flip(self.bit.value)))
        self.least.on_click(self._reacting(self._flip_least))
        self.undo.on_click(self._reacting(self._undo))

    def _reacting(self, act: Callable[[], None]) -> Callable[[object], None]:
        """Make ``act`` a listener: not to changes made here, and with mistakes shown to the user."""

        def react(_event: object) -> None:
            if self._silent:
                return
            try:
                act()
                self.message.value = ""
            except SSVHError as error:
                with self._quietly():  # so that the menus name what is shown
                    self.dataset.value, self.runs.value = self.run.dataset.name, self.run.run
                self.message.value = f'<p role="alert">{escape(str(error))}</p>'

        return react

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Let the program change controls as if nobody listened."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def _fit_controls(self) -> None:
        """Set ranges and values of the controls as the run has them."""
        config = self.run.model().config
        self.runs.options = _run_options(self.run.run, self.run)
        self.runs.value = self.run.run
        self.epoch.options = self.run.epochs
        self.epoch.value = self.run.epochs[-1]
        self.noise.max = max(3.0, 2 * config.noise)
        self.noise.value = config.noise
        self.temperature.options = sorted({*TEMPERATURES, config.sampler_temperature})
        self.temperature.value = config.sampler_temperature
        self.budget.max, self.budget.value = config.frames - 1, int(config.mask_ratio * config.frames)
        self.bit.max = config.bits - 1
        self._fill_list()

    def _fill_list(self) -> None:
        rows = choices(self.run, self.label.value, self.order.value)
        if not rows:
            raise SSVHError(f"No query of {self.run.dataset.name} shows the class {self.label.value}.")
        self.video.options = [(_video_name(self.run, row), row) for row in rows[:LISTED]]

    def _offer(self, row: int) -> None:
        """Choose a video, which may lie beyond those that are listed."""
        if row not in [listed for _, listed in self.video.options]:
            self.video.options = [*self.video.options, (_video_name(self.run, row), row)]
        self.video.value = row

    def _change_dataset(self) -> None:
        dataset = load_dataset(self.dataset.value, self.run.dataset.root.parent)
        there = subjects(runs_root() / dataset.name, dataset)
        if not there:
            raise SSVHError(
                f"No run on {dataset.name} as it is now. Train one: ssvh train autossvh --dataset {dataset.name}"
            )
        self._take(Subject.open(there[0], dataset))

    def _change_run(self) -> None:
        self._take(Subject.open(self.runs.value, self.run.dataset))

    def _take(self, run: Subject) -> None:
        with self._quietly():
            if run.dataset is not self.run.dataset:
                self.label.options = [ANY, *run.dataset.classes]
            self.run = run
            self._fit_controls()
        self._show_video()

    def _list_videos(self) -> None:
        with self._quietly():
            self._fill_list()
        self._show_video()

    def _any_video(self) -> None:
        rows = choices(self.run, self.label.value, self.order.value)
        with self._quietly():
            self._offer(int(np.random.default_rng().choice(rows)))
        self._show_video()

    def _draw_again(self) -> None:
        self.seed.value += 1

    def _show_video(self) -> None:
        self._show_view()
        self._undo()

    def _show_view(self) -> None:
        self.view = explain(
            self.run,
            self.video.value,
            self.noise.value,
            self.temperature.value,
            self.budget.value,
            self.epoch.value,
            self.seed.value,
        )
        self.picture.value = render_view(self.view)

    def _undo(self) -> None:
        self.flipped = np.zeros(len(self.view.values), bool)
        self._show_neighbours()

    def _flip(self, bit: int) -> None:
        self.flipped = flip(self.flipped, [bit])
        self._show_neighbours()

    def _flip_least(self) -> None:
        sure = np.where(self.flipped, np.inf, np.abs(self.view.values))
        with self._quietly():
            self.bit.value = int(sure.argmin())
        self._flip(self.bit.value)

    def _show_neighbours(self) -> None:
        code = self.view.values > 0
        answers = nearest(self.run, self.video.value, code, np.flatnonzero(self.flipped), self.view.epoch)
        self.neighbours.value = render_neighbours(answers, code, self.flipped, self.bit.value)


def _named(kind: type[widgets.DOMWidget], name: str, **options: object) -> widgets.DOMWidget:
    width = "17rem" if issubclass(kind, SLIDERS) else "11rem" if kind is widgets.BoundedIntText else "auto"
    look = {
        "style": {"description_width": "initial"},
        "layout": {"width": width, "max_width": "100%", "margin": "2px 14px 2px 0"},
    }
    return kind(description=name, **look, **options).add_class("ssvh-" + name.split()[0])


def _button(name: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=name, tooltip=tooltip, layout={"width": "auto"})


def _run_options(run: Run, subject: Subject) -> list[tuple[str, Run]]:
    """List every run beside this one, by its folder and by settings, bits apart, that are not those of the first."""
    beside = subjects(run.folder.parent, subject.dataset)
    listed = beside if run in beside else [run, *beside]
    usual = listed[0].config["config"]

    def named(one: Run) -> str:
        changes = {name: value for name, value in one.config["config"].items() if usual.get(name) != value}
        words = ", ".join(f"{name} {value}" for name, value in changes.items() if name != "bits")
        return f"{one.folder.name}: {words}" if words else one.folder.name

    return [(named(one), one) for one in listed]


def _video_name(run: Subject, row: int) -> str:
    videos = run.dataset.query
    names = ", ".join(run.dataset.class_names(videos.labels[row]))
    agreement = "" if run.agreements is None else f", agreement {run.agreements[row]:.2f}"
    return f"{row}: {names or videos.ids[row]}{agreement}"
