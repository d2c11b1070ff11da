"""Latent laws: each against what it claims to be."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity

from skae.sampling import LATENT_SAMPLERS, draw, fit_latent_sampler

RNG = np.random.RandomState(0)
TURN = np.array([[2.0, 0.0], [1.5, 0.2]])
CODES = RNG.standard_normal((2000, 2)) @ TURN.T + [5, -3]


def draws_of(name, codes=CODES, n_samples=20_000):
    return draw(fit_latent_sampler(name, codes, 0), n_samples, codes.shape[1], 0)


@pytest.mark.parametrize("name", ["gmm", "normal"])
def test_normal_codes_are_recovered(name):
    draws = draws_of(name)
    np.testing.assert_allclose(draws.mean(axis=0), CODES.mean(axis=0), atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), np.cov(CODES.T), rtol=0.05)


def test_bic_finds_one_normal_and_three_clusters():
    assert fit_latent_sampler("gmm", CODES, 0).n_components_ == 1
    centers = np.array([[0, 0], [10, 0], [0, 10]])
    clusters = (centers[:, None] + RNG.standard_normal((3, 200, 2))).reshape(-1, 2)
    assert fit_latent_sampler("gmm", clusters, 0).n_components_ == 3


def test_bic_choice_is_the_smallest_bic():
    codes = np.vstack([CODES[:300], CODES[:300] * [-1, 3], CODES[:300] + 20])
    chosen = fit_latent_sampler("gmm", codes, 0)
    bics = [GaussianMixture(k, random_state=0).fit(codes).bic(codes) for k in range(1, 6)]
    assert chosen.mixture_.bic(codes) <= min(bics) + 1e-4 * abs(min(bics))


def test_kernel_density_keeps_the_shape_and_widens_it():
    """Its covariance is that of the codes times 1 + bandwidth², the bandwidth n ** (-1 / 6)."""
    draws = draws_of("kde")
    factor = 1 + len(CODES) ** (-2 / 6)
    np.testing.assert_allclose(np.cov(draws.T), factor * np.cov(CODES.T), rtol=0.05)


def test_kernel_density_is_scipys():
    law = stats.gaussian_kde(CODES.T)
    ours, theirs = draws_of("kde"), law.resample(20_000, seed=0).T
    for axis in range(2):
        assert stats.ks_2samp(ours[:, axis], theirs[:, axis]).pvalue > 1e-3


def test_box_is_uniform_between_the_extremes():
    draws = draws_of("box")
    low, high = CODES.min(axis=0), CODES.max(axis=0)
    for axis in range(2):
        law = stats.uniform(low[axis], high[axis] - low[axis])
        assert stats.kstest(draws[:, axis], law.cdf).pvalue > 1e-3


def test_standard_normal_ignores_the_codes():
    draws = draws_of("standard_normal")
    for axis in range(2):
        assert stats.kstest(draws[:, axis], "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", LATENT_SAMPLERS)
@pytest.mark.parametrize(
    "codes",
    [np.array([[1.0, 2.0]]), np.ones((50, 2)), np.eye(2), np.c_[np.arange(50.0), np.zeros(50)]],
    ids=["one code", "equal codes", "two codes", "constant axis"],
)
def test_degenerate_codes(name, codes):
    draws = draws_of(name, codes, 100)
    assert np.isfinite(draws).all()
    if name != "standard_normal":
        slack = 2 * np.ptp(codes, axis=0) + 0.1
        assert (draws > codes.min(axis=0) - slack).all()
        assert (draws < codes.max(axis=0) + slack).all()


class Minimal(BaseEstimator):
    """As little as a law needs; its draws are random rows of the codes."""

    def fit(self, X, y=None):
        self.codes_ = X
        return self

    def sample(self, n_samples):
        return self.random_state.permutation(self.codes_)[:n_samples]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "law",
    [GaussianMixture(3), BayesianGaussianMixture(n_components=2), KernelDensity(), Minimal()],
    ids=lambda law: type(law).__name__,
)
def test_estimators_as_laws(law):
    fitted = fit_latent_sampler(law, CODES, 0)
    assert not hasattr(law, "n_features_in_")
    assert not hasattr(law, "codes_")
    first, second = draw(fitted, 10, 2, 0), draw(fitted, 10, 2, 0)
    assert first.shape == (10, 2)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, draw(fitted, 10, 2, 1))
    again = draw(fit_latent_sampler(law, CODES, 0), 10, 2, 0)
    np.testing.assert_array_equal(first, again)


def test_an_own_seed_is_kept():
    law = GaussianMixture(3, random_state=7)
    assert fit_latent_sampler(law, CODES, 0).random_state == 7


def test_weights_shift_the_law(digits, quick):
    """Rows that count ten times as much are drawn from ten times as often."""
    X = np.vstack([digits[:100], digits[:100] + 5])
    weights = np.repeat([1.0, 9.0], 100)
    est = quick(latent_sampler="gmm", max_iter=60, tol=1e9).fit(X, sample_weight=weights)
    share = (est.sample(2000, random_state=0).mean(axis=1) > 2.5).mean()
    assert share == pytest.approx(0.9, abs=0.06)


def test_at_most_ten_thousand_codes_are_kept(quick):
    X = np.random.RandomState(0).standard_normal((10_500, 3)).astype(np.float32)
    est = quick(max_iter=1, tol=1e9, n_iter_no_change=1).fit
    with pytest.warns(match="Maximum iterations"):
        est = est(X)
    assert est._codes.shape == (10_000, 2)
    assert est.sample(5).shape == (5, 3)


def test_codes_of_any_size_are_kept(quick):
    """A floor on variances that knows nothing of the codes would swamp small ones."""
    for size in (1e-10, 1e10):
        draws = draws_of("gmm", CODES * size) / size
        np.testing.assert_allclose(np.cov(draws.T), np.cov(CODES.T), rtol=0.05)


def test_draws_come_in_random_order():
    clusters = np.vstack([CODES[:500], CODES[:500] + 50])
    first_half = draws_of("gmm", clusters, 1000)[:500]
    assert 0.4 < (first_half[:, 0] > 30).mean() < 0.6


def test_the_law_is_the_one_given_to_fit(digits, quick):
    est = quick(latent_sampler="box", tol=1e9, n_iter_no_change=1).fit(digits)
    expected = est.sample(3, random_state=0)
    later = quick(latent_sampler="box", tol=1e9, n_iter_no_change=1).fit(digits)
    later.set_params(latent_sampler="kde")
    np.testing.assert_array_equal(later.sample(3, random_state=0), expected)
