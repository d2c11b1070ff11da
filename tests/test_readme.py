"""The README's snippets run, and say what is true."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

from skae.metrics import gap_fraction

README = Path(__file__).parents[1] / "README.md"


def test_snippets():
    first, second, third = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(first, names)
    assert names["Z"].shape == (1797, 2)
    assert names["X_hat"].shape == names["X"].shape == (1797, 64)
    assert names["pipe"].inverse_transform(names["points"]).shape == (2, 64)
    assert names["X_new"].shape == (25, 64)
    exec(second, names)
    plt.close("all")
    assert 0.5 < names["report"].gaps_["box"].value < 0.65
    exec(third, names)
    assert names["X_new"].shape == (25, 64)
    codes = names["vae"].sample_posterior(names["X"] / 16, random_state=0)
    assert gap_fraction(codes, sampler="standard_normal", random_state=0) < 0.1
