"""The data sets that speed is measured on, with the network, batch size and epochs of each."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

__all__ = ["WORKLOADS", "Workload"]


class Workload(NamedTuple):
    """What every contender is told, and what is asked of skae."""

    name: str
    shape: tuple
    hidden_layer_sizes: tuple
    n_components: int
    batch_size: int
    epochs: int
    mark: float  # largest ratio of `fit` to the lean loop
    far_mark: float | None
    rounds: int
    library_rounds: int  # of contenders that take so long that the table would never end

    def data(self, mnist=None):
        """Rows, float32 of about unit size, and the name of the data set they are."""
        if self.name != "mnist":
            return DATA[self.name](*self.shape), self.name
        if mnist is None:
            return stand_in(*self.shape), "stand-in for mnist"
        X = np.load(mnist)["X"][: self.shape[0]]
        return (X.reshape(len(X), -1) / 255).astype(np.float32), self.name


def digits(n_samples, n_features):
    """scikit-learn's digits, scaled to [0, 1]."""
    return (load_digits().data / 16).astype(np.float32)


def curved(n_samples, n_features, n_factors, noise=0.1):
    """Rows on a curved surface of n_factors dimensions, with noise; variance about 1."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((n_samples, n_factors), dtype=np.float32)
    mixed = np.tanh(factors @ rng.standard_normal((n_factors, 2 * n_factors), dtype=np.float32))
    X = mixed @ rng.standard_normal((2 * n_factors, n_features), dtype=np.float32)
    X /= X.std()
    X += noise * rng.standard_normal(X.shape, dtype=np.float32)
    return X


def table(n_samples, n_features):
    """A table of 8 factors."""
    return curved(n_samples, n_features, 8)


def wide(n_samples, n_features):
    """Rows of many features and 32 factors."""
    return curved(n_samples, n_features, 32)


def stand_in(n_samples, n_features):
    """As many numbers in [0, 1] as MNIST has, most of them near 0 as there."""
    return 1 / (1 + np.exp(3 - 2 * curved(n_samples, n_features, 16)))


DATA = {"digits": digits, "table": table, "wide": wide}

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("digits", (1797, 64), (64, 32), 2, 128, 50, 0.5, 0.35, 5, 5),
        Workload("table", (200_000, 20), (64, 32), 8, 1024, 3, 0.6, 0.45, 5, 3),
        Workload("mnist", (10_000, 784), (512, 256), 2, 128, 10, 1.0, None, 3, 1),
        Workload("wide", (20_000, 2000), (512, 128), 32, 256, 3, 1.0, None, 3, 1),
    )
}
