"""Where training starts: the principal axes of the data."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

from .seeding import thread_pools

__all__ = [
    "axes_of",
    "noise_redundancy",
    "principal_axes",
    "sampled",
    "start_at_pca",
    "start_at_ppca",
]

# Rows, and numbers in all, that the axes are found from, at most.
MAX_ROWS, MAX_NUMBERS = 10_000, 2**25

# Numbers in all, where training starts from the axes and nothing else is taken from them, if that
# leaves so many rows.
MAX_STARTED, MIN_STARTED = 2**22, 2_000

# Features up to which the whole covariance is decomposed.
MAX_COVARIANCE = 1024

# Spread of codes that noise makes where PCA leaves all of the variance, in units of their own.
NOISE = 0.2

# Random directions that stand for all of them in the covariance of more features, and powers of
# the covariance that leave the leading axes of it: training only starts there.
N_PROBES, N_POWERS = 128, 3


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

    Returns
    -------
    noise : float
        Standard deviation of the noise on standardized input that suits the data.
    """
    center, scale = arguments["center"], arguments["scale"]
    axes, variances, left = principal_axes(rows, center, scale, n_components, seed)
    # The first variance is at least the mean one, which is 1, but for constant data.
    size = float(variances[0].sqrt()) if len(variances) and variances[0] > 0.01 else 1.0
    weight, bias = likelihood.linear_start(axes.T * size, center, scale)
    arguments["encoder"].start_at(axes / size, left=left)
    arguments["decoder"].start_at(weight, bias, left=left)
    return fitting_noise(variances, left)


def fitting_noise(variances, left):
    """Noise that blurs codes of PCA by a share of their spread along the last axis.

    The share is the larger, the more of the variance PCA leaves: where that is nothing, neither
    is there anything to average over. ``variances`` and ``left`` are of `axes_of`.
    """
    return NOISE * left * float(variances[-1].sqrt()) if len(variances) else 0.0


def start_at_ppca(arguments, axes, variances, left, likelihood, n_components, n_rows=None):
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
    axes, variances, left
        Of `principal_axes`.
    likelihood : Likelihood
    n_components : int
    n_rows : int or None
        Rows that variances are those of a sample of, divided by one less, and noise that along
        the axes they span, as in scikit-learn's PCA; None for the most likely ones. Of fewer
        than half as many as features, whose noise that would be many times too large, it is
        what is expected of new rows.

    Returns
    -------
    noise_variance : tensor of shape ()
        Of standardized rows.
    """
    center, scale = arguments["center"], arguments["scale"]
    n_axes, n_features = axes.shape
    n_spanned, factor = n_features, 1.0
    if n_rows is not None:
        n_spanned, factor = min(n_rows, n_features), n_rows / max(1, n_rows - 1)
    noise = factor * left * n_features / max(1, n_spanned - n_axes)
    if 2 * n_spanned < n_features:
        # Of independent noise, axes through the mean of n rows leave n - 1 - n_axes parts in n of
        # these, and n + 1 of a new one.
        inflation = (n_rows + 1) / max(1, n_rows - 1 - n_axes)
        noise = inflation * left * n_features / (n_features - n_axes)
    noise, variances = likelihood.start_noise(noise, center, scale), factor * variances
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
    """`axes_of` the standardized rows, or of as many as are enough."""
    return axes_of(sampled(rows, center, scale, n_components, seed, starting=True), n_components)


class Sample(NamedTuple):
    """Standardized rows that stand for all, times the roots of their weights."""

    x: np.ndarray  # (n_samples, n_features)
    covariance: np.ndarray | None  # float64; None for many features
    total: float  # its trace
    seed: int


def sampled(rows, center, scale, n_components, seed, starting=False):
    """Enough rows for a covariance, or for one that training only starts from."""
    most = min(MAX_ROWS, MAX_NUMBERS // rows.X.shape[1])
    if starting:
        most = min(most, max(MIN_STARTED, MAX_STARTED // rows.X.shape[1]))
    sample = rows.subsample(max(n_components, most), seed)
    x, weights = sample[:]
    x = (x - center).div_(scale).numpy()
    if weights is not None:
        x *= np.sqrt(weights.numpy())[:, None]
    if rows.X.shape[1] > MAX_COVARIANCE:
        total = np.einsum("ij,ij->i", x, x).sum(dtype=np.float64) / len(x)
        return Sample(x, None, float(total), seed)
    with _one_thread():
        covariance = (x.T @ x).astype(np.float64) / len(x)
    return Sample(x, covariance, float(covariance.trace()), seed)


def _one_thread():
    """Equal bits in the workers of joblib."""
    return thread_pools().limit(limits=1, user_api="blas")


def axes_of(sample, n_components):
    """Leading principal axes of a sample, about the origin.

    Returns the tensor of axes, of shape (n_axes, n_features), n_axes at most n_components
    and only axes along which the data vary; the tensor of the variances along them; and
    the share of the variance that they leave unexplained.
    """
    x, total = sample.x, sample.total
    with _one_thread():
        axes, variances = _leading_axes(sample, min(n_components, *x.shape))
    # Axes without variance and the signs of the others are arbitrary: with the former
    # left out and the latter fixed, equal data give equal codes.
    used = variances > 1e3 * np.finfo(x.dtype).eps * variances[0]
    axes = axes[used]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    axes = (axes * np.sign(largest)).astype(x.dtype)
    left = max(0.0, 1 - float(variances.sum()) / total) if total > 0 else 0.0
    return torch.from_numpy(axes), torch.from_numpy(variances[used]), left


def _leading_axes(sample, n_axes):
    """Leading principal axes of a sample, as rows, and the mean squares along them."""
    n_samples, n_features = sample.x.shape
    if sample.covariance is not None:
        chosen = [n_features - n_axes, n_features - 1]
        variances, axes = eigh(sample.covariance, subset_by_index=chosen)
        return axes.T[::-1].copy(), np.maximum(variances[::-1], 0)
    options = {"n_iter": N_POWERS, "random_state": sample.seed}
    _, singular_values, axes = randomized_svd(sample.x, n_axes, **options)
    return axes, singular_values**2 / n_samples


def noise_redundancy(sample, axes, variances, left, n_components, likelihood, center, scale):
    """How many times a likelihood of independent features counts what PCA leaves of the rows.

    With r_j the variances along the principal axes beyond n_components, D - n_components in
    number, ``(Σ r_j)² / Σ r_j²`` is the number of independent features of equal variance that
    would fluctuate as much [C. S. Bretherton et al., "The effective number of spatial degrees
    of freedom of a time-varying field", J. Climate 12, 1999]. The redundancy is
    D - n_components over this number: 1 for noise that is independent and of equal
    variance. A likelihood that takes the noise to be larger than it is (``'bernoulli'``, on
    numbers between 0 and 1) counts it so much less.

    ``axes``, ``variances`` and ``left`` are what `axes_of` finds in the sample.
    """
    n_left = sample.x.shape[1] - n_components
    if left <= 1e3 * np.finfo(sample.x.dtype).eps or n_left <= 1:
        return 1.0
    trace = left * sample.total
    noise = trace / n_left
    share = noise / float(likelihood.start_noise(noise, center, scale))
    with _one_thread():
        squares = _squares_left(sample, axes.numpy(), variances.numpy())
    return share * n_left * squares / trace**2


def _squares_left(sample, axes, variances):
    """Sum of the squared eigenvalues of the covariance, but for those along the axes."""
    if sample.covariance is not None:
        axes = axes.astype(np.float64)
        return float(np.square(sample.covariance - (axes.T * variances) @ axes).sum())
    # The mean of |C g|² over g ~ N(0, I) is the trace of C² [M. F. Hutchinson, 1990].
    x, random_state = sample.x, np.random.RandomState(sample.seed)
    probes = random_state.standard_normal((x.shape[1], N_PROBES)).astype(x.dtype)
    probes -= axes.T @ (axes @ probes)
    products = x.T @ (x @ probes) / len(x)
    products -= axes.T @ (axes @ products)
    return float(np.square(products, dtype=np.float64).sum()) / N_PROBES
