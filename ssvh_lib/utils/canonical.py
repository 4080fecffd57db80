"""Write Python code in one canonical way, with the names it uses from elsewhere as references.

Layout, comments, docstrings, type hints, raised errors and progress messages are left out. ``ast.dump`` would not do:
its output differs between versions of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from typing import NamedTuple

from .outline import Comprehension, Function, Import, Module, spoken

_NO_FIELDS = {"annotation", "ctx", "kind", "returns", "simple", "type_comment", "type_params"}
_TALK_OPTIONS = {"desc", "bar_format"}
# Of a method: its presets only choose values of its Config, which a run records anyway, and its title is only printed.
_NO_INFLUENCE = {"PRESETS", "TITLE"}


class Summary(NamedTuple):
    """A piece of code as text, its references "module:name.attribute" in the package, its attributes and strings."""

    text: str
    references: tuple[str, ...]
    words: tuple[str, ...]


@cache
def summarise(module: Module, name: str, member: str = "") -> Summary:
    """Return the summary of a definition, which for a class leaves out its methods, or of one method of a class."""
    writer, kind, nodes = _Writer(module), module.class_of(name), module.statements[name]
    if kind and member:
        writer.functions(node for node in kind.body if isinstance(node, Function) and node.name == member)
    elif kind:
        writer.head(kind)
    elif all(isinstance(node, Function) for node in nodes):
        writer.functions(node for node in nodes if isinstance(node, Function))
    else:
        writer.body(nodes)
        if name in module.imports:  # and changed afterwards
            writer.refer(module.imports[name])
    return writer.summary()


class _Writer:
    """Writes code part by part; ``_scopes`` holds the local names of each enclosing function, and their imports."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._parts: list[str] = []
        self._references: list[str] = []
        self._words: dict[str, None] = {}
        self._scopes: list[dict[str, str]] = []

    def summary(self) -> Summary:
        """Return what was written."""
        return Summary(" ".join(self._parts), tuple(self._references), tuple(self._words))

    def functions(self, nodes: Iterable[Function]) -> None:
        """Write functions without their names."""
        for node in nodes:
            self._parts.append(type(node).__name__)
            self.write(node.decorator_list, node.args)
            with self._scope([node.args, *node.body]):
                self.body(node.body)

    def head(self, node: ast.ClassDef) -> None:
        """Write a class without its name and its methods; those that its statements mention count as used."""
        statements = [one for one in node.body if not isinstance(one, Function) and not _without_influence(one)]
        self.write(node.decorator_list, node.bases, node.keywords)
        self.body(statements, fields=True)
        names = (part.id for one in statements for part in ast.walk(one) if isinstance(part, ast.Name))
        self._words |= dict.fromkeys(names)

    def body(self, nodes: Iterable[ast.stmt], *, fields: bool = False) -> None:
        """Write statements; in a class, those that only declare a name are its fields."""
        self._parts.append("{")
        for node in spoken(nodes):
            if isinstance(node, Import):
                for path in self._module.targets(node).values() if not self._scopes else ():
                    self.refer(path)  # inside functions, what is used counts
            elif isinstance(node, ast.AnnAssign) and not (fields and "ClassVar" not in ast.unparse(node.annotation)):
                self.write(*([ast.Assign([node.target], node.value)] if node.value else []))
            else:
                self.write(node)
        self._parts.append("}")

    def write(self, *parts: object) -> None:
        """Write nodes, lists of them, and plain values."""
        for part in parts:
            if isinstance(part, ast.AST):
                getattr(self, f"_{type(part).__name__}", self._node)(part)
            elif isinstance(part, list) and part and isinstance(part[0], ast.stmt):
                self.body(part)
            elif isinstance(part, list):
                self._parts.append("[")
                self.write(*part)
                self._parts.append("]")
            else:
                self._parts.append(ascii(part))

    def refer(self, path: str) -> None:
        """Write a reference: to a part of the package, or the name of something else."""
        if ":" in path:
            self._references.append(path)
        self._parts.append("#" if ":" in path else path)

    def _node(self, node: ast.AST) -> None:
        self._parts.append(f"({type(node).__name__}")
        self.write(*(value for field, value in ast.iter_fields(node) if field not in _NO_FIELDS))
        self._parts.append(")")

    def _Name(self, node: ast.Name) -> None:
        self.refer(self._path(node) or node.id)

    def _Attribute(self, node: ast.Attribute) -> None:
        if path := self._path(node):
            self.refer(path)
        else:
            self._words[node.attr] = None
            self._node(node)

    def _Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._words[node.value] = None  # it may name a file, or an attribute for getattr
        self._parts.append(ascii(node.value))

    def _JoinedStr(self, node: ast.JoinedStr) -> None:
        """Write an f-string with neighbouring texts joined, which not every version of Python does."""
        self._words["".join(_text(part, "*") for part in node.values)] = None
        self._parts.append("(f")
        for is_text, parts in groupby(node.values, lambda part: isinstance(part, ast.Constant)):
            some = list(parts)
            self.write(*(["".join(map(_text, some))] if is_text else some))
        self._parts.append(")")

    def _Call(self, node: ast.Call) -> None:
        if self._path(node.func) == "typing.cast" and node.args:
            self.write(node.args[-1])
            return
        self._parts.append("(Call")
        self.write(node.func, node.args, [option for option in node.keywords if option.arg not in _TALK_OPTIONS])
        self._parts.append(")")

    def _Raise(self, _node: ast.Raise) -> None:
        self._parts.append("raise")

    def _ClassDef(self, node: ast.ClassDef) -> None:
        self.write(node.name, node.decorator_list, node.bases, node.keywords)
        self.body(node.body, fields=True)

    def _FunctionDef(self, node: Function) -> None:
        self.write(node.name)
        self.functions([node])

    _AsyncFunctionDef = _FunctionDef

    def _Lambda(self, node: ast.Lambda) -> None:
        self._parts.append("lambda")
        self.write(node.args)
        with self._scope([node.args]):
            self.write(node.body)

    def _comprehended(self, node: Comprehension) -> None:
        first, *others = node.generators
        self._parts.append(f"({type(node).__name__}")
        self.write(first.iter)  # which is outside of the scope
        with self._scope(part.target for part in node.generators):
            self.write(first.target, first.ifs, first.is_async, others)
            self.write(*([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]))
        self._parts.append(")")

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehended

    @contextmanager
    def _scope(self, nodes: Iterable[ast.AST]) -> Iterator[None]:
        self._scopes.append(self._module.bound(nodes))
        yield
        self._scopes.pop()

    def _path(self, node: ast.expr) -> str:
        """Return the reference of a name that is not local, or of attributes of one; or nothing."""
        if isinstance(node, ast.Attribute):
            before = self._path(node.value)
            return f"{before}.{node.attr}" if before else ""
        if not isinstance(node, ast.Name):
            return ""
        for scope in reversed(self._scopes):
            if node.id in scope:
                return scope[node.id]
        here = f"{self._module.name}:{node.id}" if node.id in self._module.statements else ""
        return here or self._module.imports.get(node.id, "")


def _without_influence(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id in _NO_INFLUENCE for target in targets)


def _text(part: ast.expr, value: str = "") -> str:
    """Return a string inside an f-string or, for a formatted value, its placeholder ``value``."""
    return str(part.value) if isinstance(part, ast.Constant) else value
