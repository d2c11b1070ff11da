"""Data and estimators that the tests share."""

import os

# Without it scikit-learn skips its array API check; it must be set before scipy is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer


@pytest.fixture(scope="session")
def digits():
    """300 digits, features in [0, 1]; read-only, so that no test can change them."""
    X = load_digits().data[:300] / 16
    X.flags.writeable = False
    return X


@pytest.fixture(scope="session")
def quick():
    """Estimators that train for a moment only, without a trial, which would take longer."""

    def build(**params):
        defaults = {"hidden_layer_sizes": (16,), "max_iter": 4, "alpha": 0.005, "random_state": 0}
        return AutoencoderTransformer(**{**defaults, **params})

    return build


@pytest.fixture
def curve():
    """A noisy parabola in three dimensions, which two components of PCA cannot hold."""
    rng = np.random.RandomState(0)
    t = rng.uniform(-1, 1, size=(200, 1))
    return np.hstack([t, t**2, t**3]) + 0.01 * rng.standard_normal((200, 3))
