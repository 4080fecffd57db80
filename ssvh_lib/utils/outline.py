"""Read what a module defines and imports, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

EFFECTS = "*"  # stands for the statements of a module that define nothing, such as calls
PACKAGE_NAME = __name__.partition(".")[0]
TALK = {"set_description", "set_postfix", "set_postfix_str", "warn", "debug", "info"}  # calls that only report
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Import = ast.Import | ast.ImportFrom


class Module:
    """The top level of a module; ``name`` is its path in the package, such as "methods.conmh".

    ``imports`` maps a name to what it was imported from, ``statements`` to the statements that define or change it.
    """

    def __init__(self, name: str, is_package: bool, tree: ast.Module) -> None:
        self.name = name
        self.imports: dict[str, str] = {}
        self.statements: dict[str, list[ast.stmt]] = {}
        self._package = (name if is_package else name.rpartition(".")[0]).split(".")
        for node in spoken(tree.body, hints=True):
            if isinstance(node, Import):
                self.imports |= self.targets(node)
            else:
                for changed in sorted({*self.bound([node]), *_changed(node)}):
                    self.statements.setdefault(changed, []).append(node)

    def targets(self, node: Import) -> dict[str, str]:
        """Return what an import statement brings: local name -> "module:name", or "numpy.linalg" from elsewhere."""
        if isinstance(node, ast.Import):
            pairs = ((alias.asname or alias.name.partition(".")[0], alias) for alias in node.names)
            return {name: _absolute(alias.name if alias.asname else name) for name, alias in pairs}
        names = {alias.asname or alias.name: alias.name for alias in node.names}
        if not node.level:
            return {local: _absolute(node.module or "", name) for local, name in names.items()}
        parts = [*self._package[: len(self._package) - node.level + 1], node.module]
        origin = ".".join(filter(None, parts))
        return {local: f"{origin}:{name}" for local, name in names.items()}

    def class_of(self, name: str) -> ast.ClassDef | None:
        """Return the definition of a class, if the name stands for one and nothing else."""
        nodes = self.statements[name]
        return nodes[0] if len(nodes) == 1 and isinstance(nodes[0], ast.ClassDef) else None

    def members(self, name: str) -> set[str]:
        """Return the names of the methods of a class; none for anything else."""
        kind = self.class_of(name)
        return {node.name for node in kind.body if isinstance(node, Function)} if kind else set()

    def bound(self, nodes: Iterable[ast.AST]) -> dict[str, str]:
        """Return the names that are bound in a scope made of ``nodes``, each with what it is imported as, or ""."""
        found: dict[str, str] = {}
        outer: set[str] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if isinstance(node, Import):
                found |= self.targets(node)
            elif isinstance(node, ast.Global | ast.Nonlocal):
                outer |= {*node.names}
            elif isinstance(node, Comprehension):
                waiting += [part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]
            elif name := _binds(node):
                found.setdefault(name, "")
            if not isinstance(node, Definition | Comprehension | ast.Lambda):
                waiting += ast.iter_child_nodes(node)
        return {name: path for name, path in found.items() if name not in outer}


@cache
def parse(name: str, is_package: bool, content: bytes) -> Module:
    """Return the module of a file's content."""
    return Module(name, is_package, ast.parse(content))


def spoken(nodes: Iterable[ast.stmt], *, hints: bool = False) -> Iterator[ast.stmt]:
    """Yield the statements that can change a result and, with ``hints``, the imports meant for type checkers."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (one for one in node.body if hints and isinstance(one, Import))
            yield from spoken(node.orelse, hints=hints)
        elif not (isinstance(node, ast.Pass) or _only_tells(node)):
            yield node


def _absolute(module: str, name: str = "") -> str:
    """Return the reference of an absolute import."""
    top, _, below = module.partition(".")
    return f"{below}:{name}" if top == PACKAGE_NAME else f"{module}.{name}".strip(".")


def _only_tells(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    told = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in TALK
    return told or isinstance(value, ast.Constant)


def _binds(node: ast.AST) -> str | None:
    """Return the name that a node by itself binds."""
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, Definition | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name
    if isinstance(node, ast.arg):
        return node.arg
    return node.rest if isinstance(node, ast.MatchMapping) else None


def _changed(node: ast.stmt) -> set[str]:
    """Return the names of which a statement sets items or attributes, and EFFECTS if it also does something else."""
    if isinstance(node, Definition):
        return set()
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Expr | ast.Assert | ast.Raise):
            found.add(EFFECTS)
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            found |= {one.id for one in ast.walk(part.value) if isinstance(one, ast.Name)}
    return found
