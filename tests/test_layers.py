"""The import rule: who may call whom."""

import ast
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def imported_modules(path):
    """Absolute names of what a file imports anywhere in it."""
    package = ("skae", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            if node.module:
                yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_import_rule(path):
    modules = set(imported_modules(path))
    if path.parent.name == "_core":
        outside = {m for m in modules if m.startswith("skae") and not m.startswith("skae._core")}
        assert not outside
    if path.parent.name in ("metrics", "inspection") or path.name in (
        "_validation.py",
        "sampling.py",
    ):
        assert not {m for m in modules if m.split(".")[0] == "torch"}
    if path.name != "_validation.py":
        # Underscored names and modules of scikit-learn may change without notice.
        private = {m for m in modules if m.startswith("sklearn.") and "._" in m}
        assert not private
