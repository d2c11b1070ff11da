"""Where training starts: the principal axes of the data."""

import numpy as np
import torch
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

__all__ = ["principal_axes"]

# Rows, and numbers in all, that the axes are found from, at most.
MAX_ROWS, MAX_NUMBERS = 10_000, 2**25

# Features up to which the whole covariance is decomposed.
MAX_COVARIANCE = 1024


def principal_axes(rows, center, scale, n_components, seed):
    """Leading principal axes of the standardized rows, scaled to codes of unit size.

    Returns the tensor ``A`` of shape (n_axes, n_features), n_axes at most n_components
    and only axes along which the data vary; the number ``size``: ``A x / size`` are the codes of
    standardized rows x, the first of variance 1, and ``size * A.T`` decodes them; and
    the share of the variance that this leaves unexplained.
    """
    n_features = rows.X.shape[1]
    sample = rows.subsample(max(n_components, min(MAX_ROWS, MAX_NUMBERS // n_features)), seed)
    x, weights = sample[:]
    x = ((x - center) / scale).numpy()
    if weights is not None:
        x = x * np.sqrt(weights.numpy())[:, None]
    with threadpool_limits(1, user_api="blas"):  # equal bits in the workers of joblib
        axes, variances = _leading_axes(x, min(n_components, *x.shape), seed)
    # Axes without variance and the signs of the others are arbitrary: with the former
    # left out and the latter fixed, equal data give equal codes.
    axes = axes[variances > 1e3 * np.finfo(x.dtype).eps * variances[0]]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = (axes * np.sign(largest)).astype(x.dtype)
    # The first variance is at least the mean one, which is 1, but for constant data.
    size = float(np.sqrt(variances[0])) if variances[0] > 0.01 else 1.0
    total = float(np.square(x, dtype=np.float64).sum()) / len(x)
    left = max(0.0, 1 - float(variances.sum()) / total) if total > 0 else 0.0
    return torch.from_numpy(axes), size, left


def _leading_axes(x, n_axes, seed):
    """Leading right singular vectors of x, as rows, and the mean squares along them."""
    n_samples, n_features = x.shape
    if n_features <= MAX_COVARIANCE:
        covariance = (x.T @ x).astype(np.float64) / n_samples
        last = n_features - 1
        variances, axes = eigh(covariance, subset_by_index=[n_features - n_axes, last])
        return axes.T[::-1].copy(), np.maximum(variances[::-1], 0)
    _, singular_values, axes = randomized_svd(x, n_axes, random_state=seed)
    return axes, singular_values**2 / n_samples
