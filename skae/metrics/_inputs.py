"""Checks of codes and labels, and an order of rows that does not depend on the caller's."""

import warnings

import numpy as np
from sklearn.utils import check_array, column_or_1d

from skae._validation import as_numpy, check_finite

__all__ = [
    "canonical_order",
    "check_labels",
    "check_latent",
    "check_n_neighbors",
    "check_output",
    "warn_of_few",
]

# Rows below which results are warned of.
MIN_ROWS = 20


def check_latent(X_latent, *, name="X_latent", min_samples=2, spread=True):
    """Codes as a finite float64 array of shape (n_samples, n_components).

    With ``spread``, raises ValueError for codes that are all equal, and warns of axes that
    are constant.
    """
    codes = check_array(
        as_numpy(X_latent),
        dtype=np.float64,
        ensure_all_finite=False,
        ensure_min_samples=min_samples,
        input_name=name,
    )
    check_finite(codes, name=name)
    if spread:
        _check_spread(codes, name)
    return codes


def _check_spread(codes, name):
    """Raise for codes that are all equal, warn of constant axes."""
    constant = np.flatnonzero(np.ptp(codes, axis=0) == 0)
    if len(constant) == codes.shape[1]:
        raise ValueError(
            f"All {len(codes)} codes in {name} are equal: the latent space has collapsed to one "
            "point, and there is nothing to measure. Train longer, or with a smaller penalty."
        )
    if len(constant):
        warnings.warn(
            f"{name} is constant along axis {', '.join(map(str, constant))} of "
            f"{codes.shape[1]}: these axes carry no information.",
            UserWarning,
            stacklevel=4,
        )


def check_labels(y, n_samples):
    """Sorted class labels, and the index of the class of every row.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    n_samples : int
        Number of codes.
    """
    y = column_or_1d(y)
    if len(y) != n_samples:
        raise ValueError(
            f"y must have one label for each of the {n_samples} codes. Got {len(y)} instead."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise ValueError(f"y contains NaN or infinity. The first one is in row {row}.")
    classes, index = np.unique(y.astype(str) if y.dtype == object else y, return_inverse=True)
    return classes, index


def check_n_neighbors(k, n_samples, *, name="k"):
    """The number of neighbours, or as many as the codes allow, with a warning."""
    largest = (n_samples - 1) // 2
    if k <= largest:
        return k
    largest = max(1, largest)
    warnings.warn(
        f"{name}={k} is too large for {n_samples} codes: {name}={largest} is used instead.",
        UserWarning,
        stacklevel=3,
    )
    return largest


def warn_of_few(n_rows, *, name):
    """Warn of fewer rows than numbers can be estimated from."""
    if n_rows < MIN_ROWS:
        warnings.warn(
            f"{name} has {n_rows} rows only: with fewer than {MIN_ROWS} the result says little.",
            UserWarning,
            stacklevel=3,
        )


def check_output(output, n_rows, *, name):
    """What the user's function ``name`` made of ``n_rows`` rows, as a finite float64 array."""
    output = as_numpy(output)
    shape = np.shape(output)
    if len(shape) != 2 or shape[0] != n_rows:
        raise ValueError(
            f"{name} must return an array of shape ({n_rows}, n_features) for {n_rows} rows. "
            f"Got shape {shape} instead."
        )
    return check_latent(output, name=f"the output of {name}", min_samples=1, spread=False)


def canonical_order(codes):
    """Order of the rows by distance from their mean, ties by coordinates.

    Whatever draws rows at random draws the same ones from a permuted, translated, rotated or
    rescaled copy of the codes.
    """
    centred = codes - codes.mean(axis=0)
    distance = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    # Coarser than rounding, so that ties stay ties in the permuted copy.
    coarse = np.round(distance / (distance.max() or 1.0), 9)
    order = np.argsort(coarse, kind="stable")
    same = np.diff(coarse[order]) == 0
    tied = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
    if len(tied):  # sorting all rows by hundreds of columns would take long
        rows = order[tied]
        order[tied] = rows[np.lexsort((*codes[rows].T[::-1], coarse[rows]))]
    return order
