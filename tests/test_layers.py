"""The import rule: who may call whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TORCH_FREE = ("metrics", "inspection", "sampling")


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
    if path.parent.name in TORCH_FREE or path.name == "_validation.py":
        assert not {m for m in modules if m.split(".")[0] in ("torch", "skorch")}
        assert not {m for m in modules if m.startswith(("skae._auto", "skae._base", "skae._core"))}
    if path.parent.name in ("metrics", "sampling"):
        assert not {m for m in modules if m.startswith("skae.inspection")}
    if path.parent.name == "sampling":
        assert not {m for m in modules if m.startswith("skae.metrics")}
    if path.name != "_validation.py":
        # Underscored names and modules of scikit-learn may change without notice.
        private = {m for m in modules if m.startswith("sklearn.") and "._" in m}
        assert not private


def test_nothing_is_imported_before_its_time():
    """Neither torch by metrics, nor torch's compiler by fits: it takes longer than most of them."""
    code = (
        "import sys, warnings, skae, skae.metrics, skae.inspection, skae.sampling\n"
        "assert not {'torch', 'skorch', 'matplotlib'} & set(sys.modules)\n"
        "skae.AutoencoderTransformer\n"
        "assert 'torch' in sys.modules\n"
        "warnings.simplefilter('ignore')\n"
        "import sklearn.datasets\n"
        "X = sklearn.datasets.load_iris().data\n"
        "for solver in ('adam', 'sgd'):\n"
        "    model = skae.AutoencoderTransformer(hidden_layer_sizes=5, solver=solver).fit(X)\n"
        "    model.sample(5)\n"
        "assert not {'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_the_estimators_imports_little():
    """Besides what any estimator on skorch takes: skae itself, and small helpers of the two."""
    code = (
        "import sys, torch, skorch, skorch.helper, tqdm.auto\n"
        "import sklearn.base, sklearn.utils.validation, sklearn.model_selection\n"
        "before = set(sys.modules)\n"
        "from skae import AutoencoderTransformer, VariationalAutoencoderTransformer\n"
        "further = {m for m in set(sys.modules) - before if m.split('.')[0] != 'skae'}\n"
        "assert not further, further\n"
        "assert 'skae.metrics' not in sys.modules\n"
        "assert not {'matplotlib', 'sklearn.mixture', 'sklearn.neighbors'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
