"""What doctests and tests share: figures are drawn without a display, and closed."""

import matplotlib as mpl
import pytest

mpl.use("agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure open for the next test."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
