"""The README's snippet runs, and says what is true."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_snippet():
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(snippet, names)
    assert names["Z"].shape == (1797, 2)
    assert names["X_hat"].shape == names["X"].shape == (1797, 64)
    assert names["pipe"].inverse_transform(names["points"]).shape == (2, 64)
    assert names["X_new"].shape == (25, 64)
