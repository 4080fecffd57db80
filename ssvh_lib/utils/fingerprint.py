"""Fingerprint the code that a result depends on, so that a cache notices an edited loss function.

Starting from roots, it follows the functions, classes and constants of this package that they use: by name, through
imports and, since the class of an object is not written in the code, by attribute. If any code that is reached uses
``.read``, the method ``read`` of every class that is reached counts, so more may count than is needed. Files of the
package count where the code names them. Two things stay unseen: modules imported by a computed name, and tables that a
decorator fills in another module.

Definitions are numbered as they are reached; their names and modules do not count, so both may change. Neither do
comments, docstrings, type hints, layout, raised errors, texts of progress bars, and code that is never reached.
This module needs only the standard library, and gives the same digits in every version of Python from 3.11 on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path, PurePosixPath
from types import ModuleType

from .canonical import summarise
from .outline import EFFECTS, PACKAGE_NAME, Module, parse

PACKAGE = Path(__file__).resolve().parents[__name__.count(".") - 1]
Sources = Mapping[str, bytes]  # path in the package, with slashes -> content of the file
# Called by PyTorch, not by name. Python calls methods such as __init__, which count in the same way.
_CALLED = {"forward", "backward", "setup_context", "jvp", "vmap"}


def code_digest(*roots: object) -> str:
    """Return 16 hex digits that follow ``roots``: functions, classes or modules of this package, and all they use.

    Of a closure, the values that it captures count, too.
    """
    return digest_of_places(_package(), *(place for root in roots for place in _places(root)))


def digest_of_places(sources: Sources, *places: str) -> str:
    """Return the fingerprint of places such as "methods.conmh:ConMH" in a package made of ``sources``.

    Raises LookupError for a place that is not there; what has no colon stands for itself.
    """
    walk = _Walk(sources)
    roots = [walk.token(place) for place in places]
    for place, token in zip(places, roots, strict=True):
        if ":" in place and not token.startswith("#"):
            raise LookupError(f"There is no {place} in the package, so that its code cannot be followed.")
    texts = roots + walk.texts()
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def read_sources(package: Path) -> dict[str, bytes]:
    """Read all files of a package except those that Python has compiled."""
    paths = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in paths}


@cache
def _package() -> Sources:
    return read_sources(PACKAGE)


def _places(root: object) -> Iterator[str]:
    """Yield the place where a root is defined, and those of the values that it holds."""
    if isinstance(root, partial):
        for part in (root.func, *root.args, *sorted(root.keywords.items())):
            yield from _places(part)
    elif isinstance(root, ModuleType):
        yield _place(root.__name__, "")
    elif hasattr(root, "__qualname__"):
        yield _place(root.__module__, root.__qualname__.partition(".<locals>")[0])
        for cell in getattr(root, "__closure__", None) or ():
            yield from _places(cell.cell_contents)
    else:
        yield ascii(root).replace(":", ";")  # a colon marks a place


def _place(module: str, name: str) -> str:
    top, _, below = module.partition(".")
    return f"{below}:{name}" if top == PACKAGE_NAME else f"{module}.{name}"


class _Walk:
    """The code reached in a package. A holder is a class, or a module as a value, with members read as attributes."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._files = {path: content for path, content in sources.items() if not path.endswith((".py", ".pyc"))}
        self._suffixes = tuple({PurePosixPath(path).suffix for path in self._files} - {""})
        self._numbers: dict[str, int] = {}  # of places
        self._waiting: list[tuple[str, str]] = []  # places and the members of them, or "", that were reached
        self._holders: dict[str, set[str]] = {}  # places and the names of their members
        self._words: dict[str, None] = {}  # attributes and short texts, in the order in which they are met
        self._contents: list[str] = []

    def texts(self) -> list[str]:
        """Return the canonical texts of all that is reached, and the digests of the files that it names."""
        found = []
        for place, member in self._waiting:  # which grows
            found.append(f"{self._numbers[place]}.{member} {self._text(place, member)}")
        return found + self._contents

    def token(self, path: str) -> str:
        """Return what stands for a reference such as "layers:Block.forward", which is reached by this."""
        place, attributes = self._locate(path)
        if ":" not in place:
            return ".".join([place, *attributes])
        if place not in self._numbers:
            self._numbers[place] = len(self._numbers)
            self._waiting.append((place, ""))
        self._use(attributes)
        return ".".join([f"#{self._numbers[place]}", *attributes])

    def _locate(self, path: str) -> tuple[str, list[str]]:
        """Return where a reference leads, without a colon if outside the package, and the attributes that are left."""
        module, colon, chain = path.partition(":")
        names = _split(chain)
        while colon and names:
            there, name, inner = self._module(module), names[0], f"{module}.{names[0]}".strip(".")
            target = there.imports.get(name) if there else None
            if there and name in there.statements:
                # The code that computes fingerprints is not part of any.
                return (name if name == code_digest.__name__ else f"{module}:{name}"), names[1:]
            if target and target != f"{module}:{name}":
                module, colon, chain = target.partition(":")
                names = _split(chain) + names[1:]
            elif self._module(inner):
                module, names = inner, names[1:]
            else:
                return name, names[1:]
        return module + colon, names

    def _text(self, place: str, member: str) -> str:
        name, _, definition = place.partition(":")
        module = self._module(name)
        if module is None:
            raise LookupError(f"There is no module {name} in the package.")
        if not definition:
            self._hold(place, {*module.imports, *module.statements} - {EFFECTS})
            return self.token(place + member) if member else ""
        if EFFECTS in module.statements:
            self.token(f"{name}:{EFFECTS}")
        if members := module.members(definition):
            self._hold(place, members)
        summary = summarise(module, definition, member)
        self._use(summary.words)
        return " ".join([summary.text, *map(self.token, summary.references)])

    def _hold(self, place: str, members: set[str]) -> None:
        """Enter a class, or a module that is used as a value, and reach the members that count already."""
        if place not in self._holders:
            always = sorted(filter(_always, members)) if not place.endswith(":") else []
            self._holders[place] = members - {*always}
            used = [word for word in self._words if word in self._holders[place]]
            self._waiting += [(place, member) for member in always + used]

    def _use(self, words: Iterable[str]) -> None:
        """Reach all members, and all files of the package, that are called by one of these words."""
        for word in words:
            if word not in self._words:
                self._words[word] = None
                self._waiting += [(place, word) for place, members in self._holders.items() if word in members]
                self._contents += self._named(word)

    def _named(self, pattern: str) -> list[str]:
        """Return the digests of the files that a text such as "curves.csv", ".csv" or "*.csv" names."""
        if not pattern.endswith(self._suffixes):
            return []
        pattern = f"*{pattern}" if pattern in self._suffixes else pattern
        found = [content for path, content in self._files.items() if PurePosixPath(path).match(pattern)]
        return sorted(hashlib.sha256(content).hexdigest() for content in found)

    def _module(self, name: str) -> Module | None:
        stem = name.replace(".", "/")
        for path in (f"{stem}/__init__.py".lstrip("/"), f"{stem}.py"):
            if path in self._sources:
                return parse(name, path.endswith("__init__.py"), self._sources[path])
        return None


def _split(chain: str) -> list[str]:
    return [name for name in chain.split(".") if name]


def _always(member: str) -> bool:
    """Return whether a method counts with its class, as it is not called by its name."""
    return member in _CALLED or member.startswith("__")
