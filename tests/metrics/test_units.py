"""Active units and the effective dimension."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ortho_group

from skae.metrics._units import active_units, covariance_spectrum


def normal(n_samples, *sd, seed=0):
    return np.random.RandomState(seed).normal(size=(n_samples, len(sd))) * sd


def test_units_of_small_variance_are_not_active():
    result = active_units(normal(5000, 1, 0.5, 0.01))
    assert result.n_active == 2
    assert_array_equal(result.active, [True, True, False])
    assert_allclose(result.variance, [1, 0.25, 1e-4], rtol=0.06)
    assert result.kl is None
    assert result.prior_variance is None


def test_four_of_sixteen_axes():
    result = active_units(normal(20_000, *[1] * 4, *[0] * 12))
    assert result.n_active == 4
    assert result.effective_dim == pytest.approx(4, abs=0.01)
    assert_allclose(result.variance_share, [0.25] * 4 + [0] * 12, atol=0.01)


@pytest.mark.parametrize("d", [2, 16, 128])
def test_effective_dim_of_equal_and_of_single_spread(d):
    # The participation ratio of the covariance of n codes from N(0, I) is d / (1 + (d + 1) / n).
    assert active_units(normal(4000, *[1] * d)).effective_dim == pytest.approx(
        d / (1 + (d + 1) / 4000), rel=0.01
    )
    line = normal(500, 1) @ np.ones((1, d))
    assert active_units(line).effective_dim == pytest.approx(1)


def test_effective_dim_of_a_spectrum():
    # (4 + 1)² / (16 + 1)
    assert active_units(normal(50_000, 2, 1)).effective_dim == pytest.approx(25 / 17, rel=0.01)


def test_rotation_changes_units_and_not_the_effective_dim():
    X = normal(2000, 2, 1, 0.001)
    rotated = X @ ortho_group.rvs(3, random_state=0)
    before, after = active_units(X), active_units(rotated)
    assert after.effective_dim == pytest.approx(before.effective_dim, rel=1e-9)
    assert_allclose(after.variance_share, before.variance_share, atol=1e-12)
    assert (before.n_active, after.n_active) == (2, 3)


def test_divergence_of_posteriors():
    means = normal(3000, 0.8, 0.0, 0.0)
    std = np.full((3000, 3), [0.6, 1.0, 0.5])
    result = active_units(means, std)
    expected = 0.5 * (means[:, 0].var() + means[:, 0].mean() ** 2 + 0.36 - 1) - np.log(0.6)
    assert_allclose(result.kl, [expected, 0, (0.25 - 1) / 2 - np.log(0.5)], atol=1e-12)
    assert_array_equal(result.active, [True, False, True])
    assert_allclose(result.prior_variance, [means[:, 0].var() + 0.36, 1, 0.25])
    assert result.prior_variance[0] == pytest.approx(1, abs=0.05)
    assert_array_equal(result.variance[1:], 0)


def test_threshold():
    X = normal(5000, 1, 0.5, 0.01)
    assert active_units(X, threshold=0.5).n_active == 1
    assert active_units(X, threshold=0).n_active == 3
    assert active_units(X, np.ones_like(X), threshold=0.2).n_active == 1


@pytest.mark.filterwarnings("error")
def test_constant_units_are_an_answer_and_no_warning():
    assert active_units(normal(50, 1, 0)).n_active == 1


@pytest.mark.parametrize("X_std", [None, np.ones((30, 2))])
def test_collapse(X_std):
    with pytest.warns(UserWarning, match="collapsed"):
        result = active_units(np.full((30, 2), 0.1), X_std)
    assert result.effective_dim == 0
    assert_array_equal(result.variance_share, 0)
    if X_std is None:
        assert result.n_active == 0


def test_translation_permutation_and_float32():
    X = normal(500, 1, 0.5, 0.01)
    before = active_units(X)
    for copy in (X + 100, X[::-1], X.astype(np.float32)):
        after = active_units(copy)
        assert_array_equal(after.active, before.active)
        assert_allclose(after.variance_share, before.variance_share, atol=1e-6)


def test_rank_survives_float32():
    X = normal(500, 1, 1)
    X = np.c_[X, X @ [0.3, 0.7]]
    for copy in (X, X.astype(np.float32).astype(float), X * 1e-8, X + 10):
        assert covariance_spectrum(copy)[-1] == 2


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (([[1.0, np.nan], [0, 1]],), {}, "X_mean contains NaN"),
        (([[1.0, 2], [0, 1]], [[1.0, 1], [np.inf, 1]]), {}, "X_std contains infinity"),
        (([[1.0, 2], [0, 1]], [[1.0, 1]]), {}, r"X_std must have one .* shape \(2, 2\)"),
        (([[1.0, 2], [0, 1]], [[1.0, 1], [1, 0]]), {}, "X_std must be positive.*row 1, column 1"),
        (([[1.0, 2], [0, 1]],), {"threshold": -1}, "threshold == -1, must be >= 0"),
        (([[1.0, 2]],), {}, "minimum of 2"),
    ],
)
def test_bad_input(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        active_units(*args, **kwargs)
