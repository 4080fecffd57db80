"""Which code a result depends on, as a fingerprint: what makes the cache notice an edited loss function.

From a root, such as the class of a method, the functions, classes and constants of this package that it uses are
followed by name through the files. Comments, docstrings, type hints, layout and error messages do not count, nor
does the rest of a file.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from .files import digest_of

PACKAGE = Path(__file__).resolve().parent.parent
Place = tuple[str, str]  # a module ("methods.conmh") and a name in it


def code_digest(*roots: Place, package: Path = PACKAGE) -> str:
    """The fingerprint of ``roots`` and all that they use inside the package, 16 hex digits."""
    found: dict[Place, str] = {}
    outline = cache(lambda module: _outline(package, module))
    waiting = list(roots)
    while waiting:
        place = module, name = waiting.pop()
        if place in found:
            continue
        definitions, imports = outline(module)
        if name in definitions:
            node = _Bare().visit(definitions[name])
            found[place] = ast.dump(node)
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            waiting += [(module, other) for other in used if other in definitions or other in imports]
        elif name in imports:
            waiting.append(imports[name])
    return digest_of(sorted(map(list, found.items())))


def _outline(package: Path, module: str) -> tuple[dict[str, ast.stmt], dict[str, Place]]:
    """The top-level definitions of a module by name, and what it imports from this package."""
    path = package.joinpath(*filter(None, module.split(".")))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.is_file():
        return {}, {}
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, Place] = {}
    here = [part for part in module.split(".") if part]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions |= {target.id: node for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = here if path.name == "__init__.py" else here[:-1]
            origin = base[: len(base) - node.level + 1] + (node.module.split(".") if node.module else [])
            imports |= {alias.asname or alias.name: (".".join(origin), alias.name) for alias in node.names}
    return definitions, imports


class _Bare(ast.NodeTransformer):
    """Leaves out what cannot change a result; PRESETS only choose Config values, which a run records anyway."""

    def visit_Raise(self, node: ast.Raise) -> ast.Pass:
        return ast.Pass()

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        name = node.target.id if isinstance(node.target, ast.Name) else None
        node.annotation = ast.Constant(None)
        return None if name == "PRESETS" else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if isinstance(node.value, ast.Constant) else self.generic_visit(node)  # docstrings

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)
