"""Seconds that imports take, in fresh processes."""

import subprocess
import sys
import time

import numpy as np
from marks import Mark
from processes import threaded

__all__ = ["import_marks"]

ROUNDS = 9

# What counts as no more, on machines whose seconds repeat no better.
SAME = 1.05

# scikit-learn's base classes and checks are what any estimator takes.
PARTS = "import torch, skorch, sklearn.base, sklearn.utils.validation, sklearn.model_selection"
ESTIMATOR = "from skae import AutoencoderTransformer"
# A first fit takes what else is imported then; of torch, its compiler with the first optimizer.
IRIS = "import sklearn.datasets as data; X = data.load_iris().data"
FIRST_FIT = f"{ESTIMATOR}; {IRIS}; AutoencoderTransformer().fit(X)"
FIRST_OPTIMIZER = "import torch; torch.optim.Adam([torch.zeros(1, requires_grad=True)])"
LIGHT = ["import skae", "import skae.metrics", "import torch"]
STATEMENTS = [PARTS, ESTIMATOR, FIRST_FIT, *LIGHT, FIRST_OPTIMIZER]


def seconds(statement):
    """Of a process that does no more."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=threaded(1))
    return time.perf_counter() - start


def takes_torch(statement):
    """Whether torch is imported by the statement."""
    code = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    return subprocess.run([sys.executable, "-c", code]).returncode


def import_marks(options):
    """Print the table; what is asked of imports."""
    for statement in STATEMENTS:
        seconds(statement)  # so that files are in memory
    times = np.array([[seconds(statement) for statement in STATEMENTS] for _ in range(ROUNDS)])
    print(f"\nImports, seconds of a process, medians of {ROUNDS}")
    for statement, median in zip(STATEMENTS, np.median(times, axis=0), strict=True):
        print(f"  {median:>8.2f}  {statement}", flush=True)
    ratio = float(np.median(times[:, 1] / times[:, 0]))
    return [
        Mark("import of the estimator over that of torch, skorch, scikit-learn", ratio, SAME),
        Mark("torch imported by skae.metrics", takes_torch("import skae.metrics"), 0),
    ]
