"""Experiments that take a moment, carried out in silence."""

from ssvh_lib.experiments.experiment import Experiment


def quiet(line):
    """Nothing is printed in tests."""


def asked(method="conmh", **options):
    return Experiment("moving-digits-smoke", method, 16, 0, "smoke", **options)


def forbidden(*_, **__):
    raise AssertionError("this was there already")
