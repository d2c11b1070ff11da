"""How well codes keep the neighbours of the rows, and the rows those of the codes."""

from numbers import Integral

import numpy as np
from sklearn import manifold

from ._inputs import (
    canonical_order,
    check_latent,
    check_n_neighbors,
    check_scalar,
    check_size,
    warn_of_few,
)
from ._resampling import Streams, subsample

__all__ = ["neighborhood_continuity", "trustworthiness"]


def trustworthiness(X, X_latent, *, n_neighbors=12, max_samples=3000, random_state=None):
    """How far neighbours among the codes are neighbours among the rows.

    With k = ``n_neighbors``, N_k^Z(i) the k codes nearest to code i, N_k^X(i) the k rows
    nearest to row i, and r_X(i, j) the rank of row j by its distance from row i::

        T = 1 − 2 / (n k (2n − 3k − 1)) Σ_i Σ_{j ∈ N_k^Z(i) ∖ N_k^X(i)} (r_X(i, j) − k)

    It is :func:`sklearn.manifold.trustworthiness` on at most ``max_samples`` rows: 1 if
    the k nearest codes always belong to the k nearest rows, and close to 0.5 for codes that
    have nothing to do with the rows. Greater is better.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.

    X_latent : array-like of shape (n_samples, n_components)
        Their codes. Of a variational model take the means, not posterior samples, whose
        noise would count as lost neighbours.

    n_neighbors : int, default=12
        Number of neighbours k; with fewer than 2k + 1 rows it is made smaller, with a warning.

    max_samples : int, default=3000
        Number of rows used, at most, chosen at random.

    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows.

    Returns
    -------
    value : float
        Trustworthiness, in [0, 1].

    See Also
    --------
    neighborhood_continuity : The same in the other direction.
    latent_continuity : How smoothly a decoder changes, which is another matter.

    Notes
    -----
    The value depends on k / n: compare only values at the same number of rows. Codes drawn
    independently of the rows have the expectation
    1 − (n − 1 − k)(n − k) / ((n − 1)(2n − 3k − 1)), close to 0.5, and not 0.

    Translations, rotations and rescalings of X or of ``X_latent`` do not change it. Among
    rows or codes at equal distances, duplicates for example, the order of ranks is
    arbitrary. Cost: O(m² log m) time and O(m²) memory for m = min(n, ``max_samples``).

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection
       methods: an experimental study", ICANN 2001, equation 1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import trustworthiness
    >>> X = load_digits().data[:500]
    >>> round(trustworthiness(X, PCA(2).fit_transform(X)), 2)
    0.86
    """
    X, codes, n_neighbors = _matched(X, X_latent, n_neighbors, max_samples, random_state)
    return float(manifold.trustworthiness(X, codes, n_neighbors=n_neighbors))


def neighborhood_continuity(X, X_latent, *, n_neighbors=12, max_samples=3000, random_state=None):
    """How far neighbours among the rows are neighbours among the codes.

    It is `trustworthiness` with the roles of rows and codes exchanged: with
    k = ``n_neighbors`` and r_Z(i, j) the rank of code j by its distance from code i::

        C = 1 − 2 / (n k (2n − 3k − 1)) Σ_i Σ_{j ∈ N_k^X(i) ∖ N_k^Z(i)} (r_Z(i, j) − k)

    It is 1 if the codes of the k nearest rows always belong to the k nearest codes, and
    falls where an embedding tears neighbours apart. Greater is better. The literature calls
    it "continuity"; it is not the continuity of a decoder, which is `latent_continuity`.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.

    X_latent : array-like of shape (n_samples, n_components)
        Their codes; of a variational model the means, not posterior samples.

    n_neighbors : int, default=12
        Number of neighbours k; with fewer than 2k + 1 rows it is made smaller, with a warning.

    max_samples : int, default=3000
        Number of rows used, at most, chosen at random: with the same seed those that
        `trustworthiness` uses.

    random_state : int, RandomState instance or None, default=None
        Seed of the choice of rows.

    Returns
    -------
    value : float
        Continuity, in [0, 1].

    See Also
    --------
    trustworthiness : The same in the other direction.
    latent_continuity : How smoothly a decoder changes.

    Notes
    -----
    Dependence on the number of rows, value of unrelated codes, invariance and cost are those
    of `trustworthiness`.

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection
       methods: an experimental study", ICANN 2001, equation 2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import neighborhood_continuity
    >>> X = load_digits().data[:500]
    >>> round(neighborhood_continuity(X, PCA(2).fit_transform(X)), 2)
    0.95
    """
    X, codes, n_neighbors = _matched(X, X_latent, n_neighbors, max_samples, random_state)
    return float(manifold.trustworthiness(codes, X, n_neighbors=n_neighbors))


def _matched(X, X_latent, n_neighbors, max_samples, random_state):
    """Rows, their codes, at most ``max_samples`` of them, and the number of neighbours."""
    check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
    check_scalar(max_samples, "max_samples", Integral, min_val=3)
    codes = check_latent(X_latent, min_samples=3)
    X = check_latent(X, name="X", min_samples=3, spread=False)
    if len(X) != len(codes):
        raise ValueError(
            f"X and X_latent must have the same number of rows. Got {len(X)} and {len(codes)} "
            "instead."
        )
    warn_of_few(len(codes), name="X_latent")
    if not np.ptp(X, axis=0).any():
        raise ValueError(f"All {len(X)} rows of X are equal: none has nearest neighbours.")
    check_size(X, "X")
    by_row = canonical_order(X)  # settles the order of rows with equal codes
    order = by_row[canonical_order(codes[by_row])]
    rows = order[subsample(len(order), max_samples, Streams(random_state)("reference"))]
    # Products of far-off numbers would lose the distances to rounding.
    X, codes = X[rows] - X[rows].mean(axis=0), codes[rows] - codes[rows].mean(axis=0)
    return X, codes, check_n_neighbors(n_neighbors, len(rows), name="n_neighbors")
