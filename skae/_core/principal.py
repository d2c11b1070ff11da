"""Where training starts: the principal axes of the data."""

import numpy as np
import torch
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

__all__ = ["noise_redundancy", "principal_axes", "start_at_pca", "start_at_ppca"]

# Rows, and numbers in all, that the axes are found from, at most.
MAX_ROWS, MAX_NUMBERS = 10_000, 2**25

# Features up to which the whole covariance is decomposed.
MAX_COVARIANCE = 1024

# Random directions that stand for all of them in the covariance of more features.
N_PROBES = 128


def start_at_pca(arguments, rows, likelihood, n_components, seed):
    """Bring an untrained encoder and decoder near the solution of PCA.

    ``A x / s`` are the codes of standardized rows x, the first of variance 1, and ``s A^T z``
    decodes them, A being the axes.

    Parameters
    ----------
    arguments : dict
        Of the module: ``encoder`` and ``decoder``, which are changed, ``center``, ``scale``.
    rows : Rows
    likelihood : Likelihood
    n_components, seed : int
    """
    center, scale = arguments["center"], arguments["scale"]
    axes, variances, left = principal_axes(rows, center, scale, n_components, seed)
    # The first variance is at least the mean one, which is 1, but for constant data.
    size = float(variances[0].sqrt()) if len(variances) and variances[0] > 0.01 else 1.0
    weight, bias = likelihood.linear_start(axes.T * size, center, scale)
    arguments["encoder"].start_at(axes / size, left=left)
    arguments["decoder"].start_at(weight, bias, left=left)


def start_at_ppca(arguments, rows, likelihood, n_components, seed):
    """Bring an untrained variational model near the optimum of the linear one, and no farther.

    With axes a_j, variances λ_j along them and noise σ², the mean of the variances left, the
    posterior of component j has mean ``√(λ_j - σ²) / λ_j a_j^T x`` and variance
    ``σ² / λ_j``, and z decodes to ``Σ_j √(λ_j - σ²) a_j z_j`` [M. E. Tipping and C. M.
    Bishop, "Probabilistic principal component analysis", J. R. Stat. Soc. B 61, 1999,
    eqs. 6-8]. So training starts at a model that has not collapsed.

    Parameters
    ----------
    arguments : dict
        See `start_at_pca`; the encoder gives means, then log-variances.
    rows : Rows
    likelihood : Likelihood
    n_components, seed : int

    Returns
    -------
    noise_variance : tensor of shape ()
        Of standardized rows.
    """
    center, scale = arguments["center"], arguments["scale"]
    axes, variances, left = principal_axes(rows, center, scale, n_components, seed)
    n_axes, n_features = axes.shape
    noise = likelihood.start_noise(left * n_features / max(1, n_features - n_axes), center, scale)
    gain = (variances - noise).clamp(min=0).sqrt()
    weight = torch.zeros(2 * n_components, n_features, dtype=axes.dtype)
    weight[:n_axes] = axes * (gain / variances)[:, None]
    bias = torch.zeros(2 * n_components, dtype=axes.dtype)
    bias[n_components : n_components + n_axes] = (noise / variances).clamp(max=1).log()
    arguments["encoder"].start_at(weight, bias, left=left)
    decoding = likelihood.linear_start((axes.T * gain).to(axes), center, scale)
    arguments["decoder"].start_at(*decoding, left=left)
    return torch.as_tensor(noise).to(axes)


def principal_axes(rows, center, scale, n_components, seed):
    """Leading principal axes of the standardized rows.

    Returns the tensor of axes, of shape (n_axes, n_features), n_axes at most n_components
    and only axes along which the data vary; the tensor of the variances along them; and
    the share of the variance that they leave unexplained.
    """
    x = _standardized_sample(rows, center, scale, n_components, seed)
    with threadpool_limits(1, user_api="blas"):  # equal bits in the workers of joblib
        axes, variances = _leading_axes(x, min(n_components, *x.shape), seed)
    # Axes without variance and the signs of the others are arbitrary: with the former
    # left out and the latter fixed, equal data give equal codes.
    used = variances > 1e3 * np.finfo(x.dtype).eps * variances[0]
    axes = axes[used]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = (axes * np.sign(largest)).astype(x.dtype)
    total = float(np.square(x, dtype=np.float64).sum()) / len(x)
    left = max(0.0, 1 - float(variances.sum()) / total) if total > 0 else 0.0
    return torch.from_numpy(axes), torch.from_numpy(variances[used]), left


def _standardized_sample(rows, center, scale, n_components, seed):
    """Enough rows for a covariance, standardized and times the roots of their weights."""
    n_features = rows.X.shape[1]
    sample = rows.subsample(max(n_components, min(MAX_ROWS, MAX_NUMBERS // n_features)), seed)
    x, weights = sample[:]
    x = ((x - center) / scale).numpy()
    return x if weights is None else x * np.sqrt(weights.numpy())[:, None]


def noise_redundancy(rows, center, scale, n_components, seed, likelihood):
    """How many times a likelihood of independent features counts what PCA leaves of the rows.

    With r_j the variances along the principal axes beyond n_components, D - n_components in
    number, ``(Σ r_j)² / Σ r_j²`` is the number of independent features of equal variance that
    would fluctuate as much [C. S. Bretherton et al., "The effective number of spatial degrees
    of freedom of a time-varying field", J. Climate 12, 1999]. The redundancy is
    D - n_components over this number: 1 for noise that is independent and of equal
    variance. A likelihood that takes the noise to be larger than it is (``'bernoulli'``, on
    numbers between 0 and 1) counts it so much less.
    """
    x = _standardized_sample(rows, center, scale, n_components, seed)
    axes = principal_axes(rows, center, scale, n_components, seed)[0].numpy()
    with threadpool_limits(1, user_api="blas"):
        left = x - (x @ axes.T) @ axes
        total, trace = (np.square(part, dtype=np.float64).sum() for part in (x, left))
        if trace <= 1e3 * np.finfo(x.dtype).eps * total or x.shape[1] <= n_components + 1:
            return 1.0
        n_left = x.shape[1] - n_components
        noise = trace / len(x) / n_left
        share = noise / float(likelihood.start_noise(noise, center, scale))
        return share * n_left * _sum_of_squares(left, seed) / trace**2


def _sum_of_squares(x, seed):
    """Sum of the squared eigenvalues of ``x.T @ x``."""
    if x.shape[1] <= MAX_COVARIANCE:
        return float(np.square(x.T @ x, dtype=np.float64).sum())
    # The mean of |C g|² over g ~ N(0, I) is the trace of C² [M. F. Hutchinson, 1990].
    probes = np.random.RandomState(seed).standard_normal((x.shape[1], N_PROBES)).astype(x.dtype)
    return float(np.square(x.T @ (x @ probes), dtype=np.float64).sum()) / N_PROBES


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
