"""Experiments that take a moment, carried out in silence."""

import ssvh_lib as ssvh
from ssvh_lib.experiments.experiment import Experiment, Row, grid


def quiet(line):
    """Nothing is printed in tests."""


def asked(method="conmh", **options):
    return Experiment("moving-digits-smoke", method, 16, 0, "smoke", **options)


def every_method(bits, seeds, **measured):
    return grid([Row(name) for name in ssvh.available()], "moving-digits", "smoke", bits, seeds, **measured)


def forbidden(*_, **__):
    raise AssertionError("this was there already")
