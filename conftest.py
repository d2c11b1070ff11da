"""What doctests and tests share: figures are drawn without a display, and closed."""

import gc

import matplotlib as mpl
import pytest

mpl.use("agg")

# Of docs/ the pages are run; examples are, when the site is built.
collect_ignore_glob = ["docs/*.py", "docs/_*", "docs/inventories/*", "docs/auto_examples/*"]


def pytest_collection_finish():
    """Let the garbage collector look no more through what is imported, which is there to stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
