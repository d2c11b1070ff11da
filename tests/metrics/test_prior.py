"""Distance of codes from N(0, I): the energy coefficient, nats, sliced distances, mixtures."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaln, hyp1f1, ndtr

from skae.metrics._prior import (
    _coefficient,
    _gaussian_log_distance,
    _mean_distance_at,
    _null_quantile,
    _null_variance,
    _without_excess,
    latent_prior,
    prior_mismatch,
)


def normal(n_samples, d, seed=0):
    return np.random.RandomState(seed).normal(size=(n_samples, d))


def mismatch(X, **kwargs):
    return prior_mismatch(X, **{"random_state": 0, **kwargs})


def details(X, **kwargs):
    return latent_prior(X, **{"n_resamples": 0, "random_state": 0, **kwargs})


def mean_norm(d):
    return np.sqrt(2) * np.exp(gammaln((d + 1) / 2) - gammaln(d / 2))


def coefficient_of_shift(length, d):
    """2 E‖z − N‖ = 2√2 m(‖a‖/√2), and the other two distances are 2/√2 E‖N‖ each."""
    return 1 - mean_norm(d) / _mean_distance_at(length / np.sqrt(2), d)


def same(first, second, *, rtol=0.0, atol=0.0, skip=()):
    assert first.keys() == second.keys()
    for key, value in first.items():
        if isinstance(value, (str, type(None))):
            assert value == second[key]
        elif key not in skip:
            assert_allclose(second[key], value, rtol=rtol, atol=atol, err_msg=key)


# E‖z − N‖


def test_mean_distance_in_one_dimension():
    r = np.array([0, 1e-8, 0.01, 0.5, 1, 3, 10, 100, 1000, 1e6])
    closed = r * (2 * ndtr(r) - 1) + 2 * np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
    assert_allclose(_mean_distance_at(r, 1), closed, rtol=1e-13)


@pytest.mark.parametrize("d", [1, 2, 3, 16, 64, 128, 512])
def test_mean_distance_at_the_origin_and_nearby(d):
    assert _mean_distance_at(0.0, d) == pytest.approx(mean_norm(d), rel=1e-12)
    for r in (0.5, 2.0, 4.0):
        closed = mean_norm(d) * hyp1f1(-0.5, d / 2, -(r**2) / 2)
        assert _mean_distance_at(r, d) == pytest.approx(closed, rel=1e-11)


@pytest.mark.parametrize("d", [2, 16, 128])
@pytest.mark.parametrize("r", [0.0, 1.0, 10.0, 1000.0])
def test_mean_distance_against_simulation(d, r):
    draws = normal(40_000, d)
    draws[:, 0] -= r
    distances = np.linalg.norm(draws, axis=1)
    error = distances.std() / np.sqrt(len(draws))
    assert _mean_distance_at(r, d) == pytest.approx(distances.mean(), abs=4 * error)


def test_mean_distance_far_away():
    # r + (d − 1) / (2r) for large r
    for d in (2, 128):
        assert _mean_distance_at(1e5, d) == pytest.approx(1e5 + (d - 1) / 2e5, rel=1e-12)


# The coefficient


@pytest.mark.parametrize("d", [2, 16, 128])
@pytest.mark.parametrize(("sigma", "rounded"), [(2, 0.0513), (10, 0.2260), (0.5, 0.0513)])
def test_scale(d, sigma, rounded):
    root = 2 * np.sqrt(1 + sigma**2)
    expected = (root - np.sqrt(2) * sigma - np.sqrt(2)) / root
    assert expected == pytest.approx(rounded, abs=1e-4)
    assert mismatch(sigma * normal(3000, d)) == pytest.approx(expected, abs=0.005)


def test_scale_alone_tops_out():
    assert mismatch(1e6 * normal(2000, 2)) == pytest.approx(1 - np.sqrt(0.5), abs=0.02)


@pytest.mark.parametrize("d", [1, 2, 16, 128])
@pytest.mark.parametrize("length", [1, 10])
def test_shift(d, length):
    X = normal(3000, d) + length * np.eye(d)[-1]
    assert mismatch(X) == pytest.approx(coefficient_of_shift(length, d), abs=0.015)


def test_shift_goes_to_1():
    value = mismatch(normal(500, 2) + 1e4)
    assert 0.999 < value < 1


def test_coefficient_of_two_codes_by_hand():
    X = np.array([[0.0], [2.0]])
    m = [np.sqrt(2 / np.pi), 2 * (2 * ndtr(2) - 1) + 2 * stats.norm.pdf(2)]
    expected = (sum(m) - 2 / np.sqrt(np.pi) - 2) / sum(m)
    with pytest.warns(UserWarning, match="2 rows only"):
        assert mismatch(X) == pytest.approx(max(0, expected))
    with pytest.warns(UserWarning, match="2 rows only"):
        assert mismatch(X + 1) > 0


def test_coefficient_has_no_bias():
    sigma = 1.5
    root = 2 * np.sqrt(1 + sigma**2)
    expected = (root - np.sqrt(2) * sigma - np.sqrt(2)) / root
    values = [mismatch(sigma * normal(60, 8, seed)) for seed in range(200)]
    error = np.std(values) / np.sqrt(200)
    assert np.mean(values) == pytest.approx(expected, abs=4 * error)


# The floor


def test_null_variance_in_one_dimension():
    # Distance variance of N(0, 1) [Székely, Rizzo and Bakirov, Ann. Statist. 35, 2007].
    assert _null_variance(1) == pytest.approx(4 * (1 - np.sqrt(3) + np.pi / 3) / np.pi, rel=1e-5)


@pytest.mark.parametrize(("n_samples", "d"), [(100, 1), (300, 2), (100, 16), (100, 128)])
def test_floor_by_simulation(n_samples, d):
    values = np.array([mismatch(normal(n_samples, d, seed)) for seed in range(250)])
    floor = _null_quantile(n_samples, d, 0.95)
    assert 0.01 < np.mean(values > floor) < 0.09
    assert np.quantile(values, 0.95) == pytest.approx(floor, rel=0.25)


def test_floor_is_that_of_the_codes_used():
    result = details(normal(3000, 2), max_samples=300)
    assert result.floor == _null_quantile(300, 2, 0.95)
    assert result.floor == pytest.approx(0.0018, abs=1e-4)
    assert result.n_samples == 3000


@pytest.mark.parametrize("d", [2, 16])
def test_shift_is_found_above_the_floor(d):
    result = details(normal(1000, d) + 0.3 * np.eye(d)[0])
    assert result.value > result.floor


# Intervals


@pytest.mark.parametrize(("d", "length"), [(2, 1.0), (16, 0.5)])
def test_intervals_cover(d, length):
    truth, held = coefficient_of_shift(length, d), 0
    for seed in range(60):
        X = normal(200, d, seed) + length * np.eye(d)[0]
        result = latent_prior(X, random_state=seed)
        low, high = result.interval
        assert 0 <= low <= result.value <= high < 1
        held += low <= truth <= high
    assert held >= 50


@pytest.mark.parametrize("d", [2, 16])
def test_error_of_the_null_is_not_too_large(d):
    # Plain half-samples would give √3 times the standard deviation.
    n_samples, squares, plain_squares = 200, [], []
    for seed in range(40):
        X = normal(n_samples, d, seed)
        distances = _mean_distance_at(np.linalg.norm(X, axis=1), d)
        halves = [normal(n_samples, 1, 1000 * seed + i)[:, 0] > 0 for i in range(20)]
        plain = np.std([_coefficient(X[half], distances[half]) for half in halves], ddof=1)
        plain_squares.append(plain**2)
        squares.append(_without_excess(plain, n_samples, d) ** 2)
    sd = np.sqrt(2 * _null_variance(d)) / (n_samples * 2 * np.sqrt(2) * mean_norm(d))
    assert np.sqrt(np.mean(plain_squares)) > 1.5 * sd
    assert 0.99 * sd < np.sqrt(np.mean(squares)) < 1.55 * sd


def test_no_resamples_no_interval():
    assert np.isnan(details(normal(100, 2)).interval).all()


def test_confidence_level():
    X = normal(300, 2) + 1
    half, most = (latent_prior(X, confidence_level=p, random_state=0) for p in (0.5, 0.95))
    assert np.diff(most.interval) > 2.5 * np.diff(half.interval)


# The divergence


def test_location():
    result = details(np.array([3, 4]) + normal(4000, 2))
    assert result.location == pytest.approx(12.5, abs=0.25)
    assert_allclose([result.scale, result.shape], 0, atol=0.05)
    assert result.kl == result.location + result.scale + result.shape


def test_scale_in_nats():
    result = details(normal(4000, 2) * [2, 1])
    expected = (5 - 2 - np.log(4)) / 2
    assert expected == pytest.approx(0.8069, abs=1e-4)
    assert result.scale == pytest.approx(expected, abs=0.07)
    assert_allclose([result.location, result.shape], 0, atol=0.05)


def test_shape_of_a_square():
    X = np.random.RandomState(0).uniform(-1, 1, (4000, 2)) * np.sqrt(3)
    expected = np.log(2 * np.pi * np.e / 12)
    assert expected == pytest.approx(0.353, abs=1e-3)
    result = details(X)
    assert result.shape == pytest.approx(expected, abs=0.06)
    assert_allclose([result.location, result.scale], 0, atol=0.05)


def test_divergence_of_two_clusters():
    def density(x):
        return (stats.norm.pdf(x, 2, 0.5) + stats.norm.pdf(x, -2, 0.5)) / 2

    expected = quad(lambda x: density(x) * np.log(density(x) / stats.norm.pdf(x)), -6, 6)[0]
    X = 0.5 * normal(4000, 1) + np.where(np.arange(4000) % 2, 2, -2)[:, None]
    result = details(X)
    assert result.kl == pytest.approx(expected, abs=0.1)
    assert result.shape > 0.5


@pytest.mark.parametrize(
    ("n_samples", "d", "tolerance"),
    [(300, 1, 0.02), (100, 2, 0.03), (2000, 2, 0.02), (300, 16, 0.05), (300, 64, 0.15),
     (300, 128, 0.25)],
)  # fmt: skip
def test_terms_have_no_bias_for_gaussian_codes(n_samples, d, tolerance):
    results = [details(normal(n_samples, d, seed)) for seed in range(25)]
    for name in ("location", "scale", "shape"):
        terms = [result[name] for result in results]
        error = np.std(terms) / 5
        assert np.mean(terms) == pytest.approx(0, abs=tolerance + 3 * error), name
        assert error < tolerance, name


@pytest.mark.parametrize("d", [1, 2, 128, 512])
@pytest.mark.parametrize("n_samples", [514, 4000, 1_000_000])
def test_expected_log_distance_is_finite(n_samples, d):
    assert np.isfinite(_gaussian_log_distance(n_samples, d, 5))


def test_shape_is_affine_invariant():
    X = np.random.RandomState(0).exponential(size=(500, 3))
    skew = np.array([[2.0, 1, 0], [0, 0.1, 3], [0, 0, 5]])
    assert details(X @ skew + 7).shape == pytest.approx(details(X).shape, abs=1e-6)


# Axis by axis


def test_sliced_distance_names_the_axis():
    X = normal(4000, 3)
    X[:, 1] = np.random.RandomState(1).uniform(-1, 1, 4000)
    result = details(X)
    # The density 1/2 is above that of N(0, 1) throughout, so that F − Φ is largest at the ends.
    assert result.sliced_ks[1] == pytest.approx(ndtr(-1), abs=0.02)
    assert (result.sliced_ks[[0, 2]] < 1.63 / np.sqrt(4000)).all()
    assert result.sliced_ks_mean < result.sliced_ks_max <= result.sliced_ks.max() + 0.01


def test_sliced_distance_is_that_of_scipy():
    X = normal(300, 2) * [1, 2] + [0.3, 0]
    known = [stats.kstest(axis, "norm").statistic for axis in X.T]
    assert_allclose(details(X).sliced_ks, known, rtol=1e-12)


def test_sliced_distance_of_one_component():
    result = details(normal(300, 1) + 1)
    assert result.sliced_ks_max == pytest.approx(result.sliced_ks[0], rel=1e-9)


# Gaussian encoders


def test_collapsed_posterior():
    result = details(np.zeros((500, 4)), X_latent_std=np.ones((500, 4)))
    assert_allclose([result.marginal_kl, result.rate, result.mutual_information], 0, atol=1e-12)
    assert result.value < 2 * result.floor


@pytest.mark.parametrize("d", [1, 3])
def test_two_modes(d):
    means = np.zeros((1000, d))
    means[:, 0] = np.where(np.arange(1000) % 2, 6, -6)
    result = details(means, X_latent_std=np.ones((1000, d)))
    assert result.rate == pytest.approx(18)
    assert result.mutual_information == pytest.approx(np.log(2), abs=1e-6)
    assert result.marginal_kl == pytest.approx(18 - np.log(2), abs=1e-6)


@pytest.mark.parametrize("d", [1, 2])
def test_matched_mixture(d):
    # Means of variance 1 − σ² make the mixture N(0, I), with −log σ nats for each axis.
    sigma = 0.5
    means = np.sqrt(1 - sigma**2) * normal(4000, d)
    result = details(means, X_latent_std=np.full((4000, d), sigma))
    assert result.marginal_kl == pytest.approx(0, abs=0.02)
    assert result.mutual_information == pytest.approx(-d * np.log(sigma), abs=0.06)
    assert result.value < 3 * result.floor


def test_mixture_of_wide_posteriors():
    # q̄ = N(0, 4) in every axis: the divergence is closed.
    means, sigma = 1.2 * normal(3000, 2), 1.6
    result = details(means, X_latent_std=np.full((3000, 2), sigma))
    assert result.marginal_kl == pytest.approx(2 * (3 - np.log(4)) / 2, abs=0.12)
    assert result.kl == pytest.approx(result.marginal_kl, abs=0.15)


def test_narrow_posteriors_saturate_at_log_n():
    for sigma in (1e-5, 1e-12, 1e-20):
        result = details(normal(300, 2) + 5, X_latent_std=np.full((300, 2), sigma))
        assert result.mutual_information == pytest.approx(np.log(300), abs=1e-3)
        assert result.rate == pytest.approx(result.marginal_kl + result.mutual_information)


def test_posteriors_replace_codes_by_samples():
    means = np.full((2000, 2), 0.0)
    result = details(means, X_latent_std=np.full((2000, 2), 2.0))
    assert result.value == pytest.approx(0.0513, abs=0.006)
    assert result.scale == pytest.approx(2 * (3 - np.log(4)) / 2, abs=0.15)


def test_without_posteriors():
    result = details(normal(50, 2))
    assert result.marginal_kl is result.rate is result.mutual_information is None


# Invariance and determinism


def skewed(n_samples=600):
    rng = np.random.RandomState(3)
    return np.c_[rng.exponential(size=n_samples), rng.normal(size=n_samples)] @ [[2, 1], [0, 1]]


def test_scalar_and_details_agree():
    X = skewed()
    for max_samples in (4000, 200):
        value = prior_mismatch(X, max_samples=max_samples, random_state=5)
        assert value == latent_prior(X, max_samples=max_samples, random_state=5).value


def test_same_seed_same_result():
    X = skewed()
    same(latent_prior(X, random_state=1), latent_prior(X, random_state=1))
    one, two = (latent_prior(X, max_samples=300, random_state=seed) for seed in (1, 2))
    assert one.value != two.value


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    latent_prior(skewed())
    assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("with_std", [False, True])
def test_permutation_and_float32(with_std):
    X, kwargs = skewed(), {"max_samples": 400, "random_state": 1}
    order = np.random.RandomState(0).permutation(len(X))
    std = np.exp(0.1 * normal(len(X), 2, 7)) if with_std else None
    before, after = (
        latent_prior(X[o], X_latent_std=None if std is None else std[o], **kwargs)
        for o in (slice(None), order)
    )
    same(before, after, rtol=1e-9, atol=1e-12)
    single = latent_prior(
        X.astype(np.float32), X_latent_std=None if std is None else std.astype(np.float32), **kwargs
    )
    same(before, single, rtol=1e-3, atol=1e-4)


def test_equal_means_with_other_widths_may_be_permuted():
    std = np.exp(normal(300, 2))
    before, after = (
        latent_prior(np.zeros((300, 2)), X_latent_std=s, random_state=0) for s in (std, std[::-1])
    )
    same(before, after, rtol=1e-9, atol=1e-12)


def test_rotation():
    X, rotation = skewed(), stats.ortho_group.rvs(2, random_state=0)
    before, after = (latent_prior(Z, max_samples=400, random_state=1) for Z in (X, X @ rotation))
    same(before, after, rtol=1e-7, atol=1e-9, skip={"sliced_ks"})
    assert not np.allclose(before.sliced_ks, after.sliced_ks)


def test_translation_and_scale_change_all_but_the_shape():
    X = skewed()
    before = details(X)
    for copy in (X + 2, 3 * X):
        after = details(copy)
        assert after.value > before.value + 0.05
        assert after.kl > before.kl + 1
        assert after.shape == pytest.approx(before.shape, abs=1e-9)


def test_max_samples_bounds_what_is_used():
    X = np.r_[normal(5000, 2), normal(5000, 2) + 1]
    assert mismatch(X, max_samples=1000) == pytest.approx(mismatch(X), abs=0.02)


# Codes that are not as they should be


def test_collinear_codes():
    line = normal(1000, 1) @ [[0.6, 0.8]]
    with pytest.warns(UserWarning, match="span 1 of 2 dimensions"):
        result = details(line)
    assert result.scale == result.kl == np.inf
    assert result.shape == pytest.approx(0, abs=0.05)
    assert 10 * result.floor < result.value < 1


def test_constant_axis():
    X = np.c_[normal(500, 2), np.full(500, 2.0)]
    with (
        pytest.warns(UserWarning, match="constant along axis 2 of 3"),
        pytest.warns(UserWarning, match="span 2 of 3 dimensions.*infinite"),
    ):
        result = details(X)
    assert result.kl == np.inf
    assert np.isfinite([result.value, result.location, result.shape]).all()


def test_fewer_codes_than_components():
    with pytest.warns(UserWarning, match="30 codes of 40 components do not determine"):
        result = latent_prior(normal(30, 40), random_state=0)
    assert np.isnan([result.scale, result.shape, result.kl]).all()
    assert np.isfinite([result.value, result.location, *result.interval]).all()


def test_duplicates():
    X = np.repeat(normal(100, 2), 8, axis=0)
    with pytest.warns(UserWarning, match="800 codes have 5 exact copies or more"):
        assert details(X).shape == np.inf
    X[50:] = normal(750, 2, 1)
    with pytest.warns(UserWarning, match="48 codes have 5 exact copies or more"):
        assert np.isfinite(details(X).shape)


@pytest.mark.parametrize("n_samples", [2, 3, 5, 19])
@pytest.mark.filterwarnings("ignore:.*codes of 2 components:UserWarning")
@pytest.mark.filterwarnings("ignore:k of the entropy:UserWarning")
def test_few_rows(n_samples):
    with pytest.warns(UserWarning, match=f"X_latent has {n_samples} rows only"):
        result = latent_prior(normal(n_samples, 2), random_state=0)
    assert 0 <= result.value < 1


@pytest.mark.parametrize("function", [prior_mismatch, latent_prior])
@pytest.mark.parametrize(
    ("X", "kwargs", "error", "message"),
    [
        ([[0.0, np.nan]] * 30, {}, ValueError, "X_latent contains NaN.*row 0, column 1"),
        ([[0.0, np.inf]] * 30, {}, ValueError, "X_latent contains infinity"),
        ([[1.0, 2.0]] * 30, {}, ValueError, "collapse"),
        ([[1.0, 2.0]], {}, ValueError, "minimum of 2"),
        (normal(30, 2), {"y": [1, 2]}, ValueError, "inconsistent numbers of samples"),
        (normal(30, 2), {"prior": "box"}, ValueError, "prior must be one of .*Got 'box' instead"),
        (normal(30, 2), {"max_samples": 1}, ValueError, "max_samples == 1, must be >= 2"),
        (normal(30, 2), {"max_samples": 0.5}, TypeError, "max_samples must be an instance of int"),
    ],
)
def test_bad_input(function, X, kwargs, error, message):
    with pytest.raises(error, match=message):
        function(X, **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"X_latent_std": np.zeros((30, 2))}, "X_latent_std must be positive.*row 0, column 0"),
        ({"X_latent_std": np.ones((30, 1))}, r"X_latent_std must have one .* \(30, 2\)"),
        ({"n_resamples": 1}, "n_resamples must be 0"),
        ({"confidence_level": 1.5}, "confidence_level == 1.5"),
    ],
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        latent_prior(normal(30, 2), **kwargs)
