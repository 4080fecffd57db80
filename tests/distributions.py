"""Which distributions the library and its extras bring along, read from pyproject.toml and what is installed."""

import re
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[Requirement]:
    """What pyproject.toml asks for by itself: the dependencies, and those of extras and of the extras in them."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    requirements = {Requirement(line) for line in lines}
    itself = {one for one in requirements if one.name == PROJECT["name"]}
    return (requirements - itself).union(*(declared(*one.extras) for one in itself))


def brought(*extras: str) -> set[str]:
    """Names of all distributions that are installed with the library and some extras."""
    pending, seen = [*declared(*extras)], set()
    while pending:
        requirement = pending.pop()
        wanted = {(normal(requirement.name), extra) for extra in ("", *requirement.extras)}
        for name, extra in wanted - seen:
            needs = map(Requirement, requires(name) or [])
            pending += [one for one in needs if one.marker is None or one.marker.evaluate({"extra": extra})]
        seen |= wanted
    return {name for name, _ in seen}


def modules_of(distributions: set[str]) -> set[str]:
    """Names by which Python imports what these distributions, and no others, bring."""
    return {name for name, owners in packages_distributions().items() if set(map(normal, owners)) <= distributions}
