"""How far codes reach, how far off the origin they lie, and their tails, against known laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import gamma

from skae.metrics._extent import latent_extent, unbounded_extent

LEVEL = 0.99


def radius(d):
    return stats.chi.ppf(LEVEL, d)


def normal(n_samples, d, seed=0):
    return np.random.RandomState(seed).normal(size=(n_samples, d))


def extent(X, **kwargs):
    return latent_extent(X, **{"n_resamples": 0, "random_state": 0, **kwargs})


def excess(outside):
    return max(0, (outside - 0.01) / 0.99)


def same(first, second, *, rtol=0.0, atol=0.0, skip=()):
    assert first.keys() == second.keys()
    for key, value in first.items():
        if key not in skip:
            others = second[key]
            if isinstance(value, dict):
                value, others = list(value.values()), list(others.values())
            if isinstance(value, (str, type(None))):
                assert value == others
            else:
                assert_allclose(others, value, rtol=rtol, atol=atol, err_msg=key)


# Oracles


@pytest.mark.parametrize("d", [1, 2, 16, 128])
def test_standard_normal(d):
    result = extent(normal(40_000, d))
    assert result.radius == pytest.approx(radius(d))
    assert result.outside_fraction == pytest.approx(0.01, abs=0.002)
    assert result.value < 0.002
    assert result.reach == pytest.approx(1, abs=0.02)
    assert result.off_centre < 0.02
    assert result.offset < 0.03
    assert result.tail_ratio == pytest.approx(1, abs=0.025)
    assert_allclose(result.sign_balance, 0, atol=0.025)


@pytest.mark.parametrize("d", [2, 16])
def test_five_times_too_wide(d):
    result = extent(5 * normal(50_000, d))
    outside = stats.chi2.sf(radius(d) ** 2 / 25, d)
    if d == 2:
        assert outside == pytest.approx(0.8318, abs=1e-4)
    assert result.outside_fraction == pytest.approx(outside, abs=0.005)
    assert result.value == pytest.approx(excess(outside), abs=0.005)
    assert result.reach == pytest.approx(5, rel=0.02)


@pytest.mark.parametrize(("d", "outside"), [(2, 0.5533), (16, 0.1885)])
def test_shift(d, outside):
    X = normal(50_000, d) + 3 * np.eye(d)[0]
    assert stats.ncx2.sf(radius(d) ** 2, d, 9) == pytest.approx(outside, abs=1e-4)
    result = extent(X)
    assert result.outside_fraction == pytest.approx(outside, abs=0.008)
    assert result.offset == pytest.approx(3 / stats.chi.median(d), rel=0.02)
    assert result.sign_balance[0] == pytest.approx(2 * stats.norm.cdf(3) - 1, abs=0.002)


@pytest.mark.parametrize(("d", "expected"), [(2, 0.6366), (3, 0.5), (16, 0.2026)])
@pytest.mark.parametrize("heavy", [False, True])
def test_half_space(d, expected, heavy):
    X = normal(60_000, d)
    X[:, -1] = -np.abs(X[:, -1])
    if heavy:
        X *= np.random.RandomState(1).lognormal(sigma=3, size=(len(X), 1))
    mean = gamma(d / 2) / (np.sqrt(np.pi) * gamma((d + 1) / 2))
    assert mean == pytest.approx(expected, abs=1e-4)
    result = extent(X)
    assert result.off_centre == pytest.approx(mean, abs=0.006)
    assert result.off_centre_pvalue < 1e-100
    assert_allclose(result.off_centre_direction, -mean * np.eye(d)[-1], atol=0.02)
    assert result.sign_balance[-1] == -1


def test_85_percent_below():
    X = normal(60_000, 2)
    below = np.arange(len(X)) % 20 < 17
    X[:, 1] = np.where(below, -1, 1) * np.abs(X[:, 1])
    result = extent(X)
    assert result.sign_balance[1] == pytest.approx(-0.7, abs=1e-9)
    assert result.off_centre == pytest.approx(0.7 * 2 / np.pi, abs=0.006)


def test_zeros_are_halved_in_the_sign_balance_and_dropped_from_the_direction():
    X = np.repeat([[1.0, 2.0], [0.0, 0.0], [1.0, 0.0]], [20, 60, 20], axis=0)
    result = extent(X)
    assert_allclose(result.sign_balance, [0.4, 0.2])
    unit = np.array([1, 2]) / np.sqrt(5)
    assert_allclose(result.off_centre_direction, (unit + np.eye(2)[0]) / 2)


@pytest.mark.parametrize(("d", "expected", "rel"), [(2, 2.294, 0.03), (16, 3.254, 0.06)])
def test_tails_of_a_t_law(d, expected, rel):
    f = stats.f(d, 3)
    ratio = np.sqrt(f.ppf(0.99) / f.ppf(0.5)) / (radius(d) / stats.chi.median(d))
    assert ratio == pytest.approx(expected, abs=1e-3)
    rng = np.random.RandomState(0)
    X = rng.normal(size=(80_000, d)) / np.sqrt(rng.chisquare(3, (80_000, 1)) / 3)
    assert extent(X).tail_ratio == pytest.approx(ratio, rel=rel)


def test_tails_of_a_disc():
    rng = np.random.RandomState(0)
    angle, r = rng.uniform(0, 2 * np.pi, 40_000), np.sqrt(rng.uniform(size=40_000))
    X = np.c_[r * np.cos(angle), r * np.sin(angle)]
    ratio = np.sqrt(0.99 / 0.5) / (radius(2) / stats.chi.median(2))
    assert ratio == pytest.approx(0.5459, abs=1e-4)
    assert extent(X).tail_ratio == pytest.approx(ratio, abs=0.003)


@pytest.mark.parametrize(("n_samples", "d"), [(100, 16), (300, 128)])
def test_tails_of_few_gaussian_codes_in_many_dimensions(n_samples, d):
    ratios = [extent(normal(n_samples, d, seed)).tail_ratio for seed in range(40)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.015)


@pytest.mark.parametrize("d", [2, 16])
@pytest.mark.parametrize("widest", [1, 5])
def test_level_of_the_pvalue(d, widest):
    scale = np.r_[widest, np.ones(d - 1)]
    low = [extent(normal(300, d, seed) * scale).off_centre_pvalue < 0.05 for seed in range(300)]
    assert 0.02 < np.mean(low) < 0.09


def test_pvalue_of_uniform_directions_is_that_of_chi2():
    X = normal(3000, 3)
    result = extent(X)
    statistic = len(X) * 3 * np.sum(result.off_centre_direction**2)
    assert result.off_centre_pvalue == pytest.approx(stats.chi2.sf(statistic, 3), abs=0.01)


def test_off_centre_has_no_bias():
    shift = 0.3
    squares = [extent(normal(50, 2, seed) + shift).off_centre ** 2 for seed in range(400)]
    many = normal(400_000, 2, 999) + shift
    truth = np.linalg.norm((many / np.linalg.norm(many, axis=1, keepdims=True)).mean(axis=0))
    assert np.mean(squares) == pytest.approx(truth**2, abs=0.01)


def test_clusters_on_both_sides_have_no_offset():
    X = 0.1 * normal(4000, 2) + np.where(np.arange(4000) % 2, 5, -5)[:, None]
    result = extent(X)
    assert result.off_centre < 0.01
    assert result.value == 1


def test_spread():
    result = extent(normal(50_000, 3) * [3, 2, 1])
    assert result.anisotropy == pytest.approx(3, rel=0.02)
    assert result.effective_dim == pytest.approx(14**2 / 98, rel=0.02)


def test_box_and_radii():
    X = np.c_[np.arange(101.0), np.zeros(101)]
    X[0, 1] = 1e-3
    result = extent(X, reference=None)
    assert_array_equal(result.min, [0, 0])
    assert_array_equal(result.max, [100, 1e-3])
    assert_array_equal(result.median, [50, 0])
    assert result.radius_quantiles[0.5] == 50
    assert result.radius_quantiles[1.0] == 100
    assert list(result.radius_quantiles) == [0.5, 0.9, 0.99, 1.0]
    assert result.offset == pytest.approx(50 / 25)


def test_level():
    X = 2 * normal(30_000, 2)
    result = extent(X, level=0.9)
    assert result.reach == pytest.approx(2, rel=0.02)
    outside = stats.chi2.sf(stats.chi2.ppf(0.9, 2) / 4, 2)
    assert result.value == pytest.approx((outside - 0.1) / 0.9, abs=0.01)
    assert result.level == 0.9
    assert unbounded_extent(X, level=0.9) == result.value


# The floor, and intervals


@pytest.mark.parametrize("n_samples", [50, 1000])
def test_floor(n_samples):
    floor = extent(normal(n_samples, 2)).floor
    assert floor == pytest.approx(excess(stats.binom.ppf(0.95, n_samples, 0.01) / n_samples))
    values = [unbounded_extent(normal(n_samples, 2, seed)) for seed in range(1000)]
    assert np.mean(np.array(values) > floor) <= 0.065
    assert np.mean(np.array(values) >= floor) > 0.02


def test_wilson_interval_of_the_outside_fraction():
    result = latent_extent(2 * normal(400, 2), random_state=0)
    count = round(400 * result.outside_fraction)
    known = stats.binomtest(count, 400).proportion_ci(method="wilson")
    assert_allclose(result.outside_fraction_interval, known, rtol=1e-9)
    assert_allclose(result.interval, [excess(end) for end in known], rtol=1e-9)


def test_intervals_cover():
    d, n_repeats, shift = 4, 100, 2.0
    many = normal(400_000, d, 999) + shift * np.eye(d)[0]
    truth = {
        "outside_fraction": stats.ncx2.sf(radius(d) ** 2, d, shift**2),
        "reach": np.sqrt(stats.ncx2.ppf(0.99, d, shift**2)) / radius(d),
        "off_centre": np.linalg.norm((many / np.linalg.norm(many, axis=1)[:, None]).mean(axis=0)),
        "offset": shift / stats.chi.median(d),
        "tail_ratio": 1,
    }
    held = dict.fromkeys(truth, 0)
    for seed in range(n_repeats):
        X = normal(400, d, seed) + shift * np.eye(d)[0]
        result = latent_extent(X, random_state=seed)
        for name, true in truth.items():
            low, high = result[f"{name}_interval"]
            assert low <= result[name] <= high
            held[name] += low <= true <= high
    assert min(held.values()) >= 0.82 * n_repeats


@pytest.mark.parametrize("d", [2, 16])
def test_intervals_of_a_centred_law_hold_0(d):
    results = [latent_extent(normal(300, d, seed), random_state=0) for seed in range(40)]
    assert np.mean([result.off_centre_interval[0] == 0 for result in results]) >= 0.9
    assert np.mean([result.offset_interval[0] == 0 for result in results]) >= 0.9


def test_interval_width():
    X = normal(1000, 2) + 1
    half, most = (latent_extent(X, confidence_level=p, random_state=0) for p in (0.5, 0.95))
    for name in ("reach_interval", "tail_ratio_interval", "outside_fraction_interval"):
        assert np.diff(most[name]) > 2 * np.diff(half[name])


def test_no_resamples_no_intervals():
    result = extent(normal(100, 2))
    intervals = [value for key, value in result.items() if key.endswith("interval")]
    assert len(intervals) == 6
    assert np.isnan(intervals).all()


def test_without_reference():
    X = normal(500, 2) + 1
    result, with_reference = (
        latent_extent(X, reference=reference, random_state=0)
        for reference in (None, "standard_normal")
    )
    missing = {
        "value", "interval", "floor", "radius", "outside_fraction", "outside_fraction_interval",
        "reach", "reach_interval", "reference",
    }  # fmt: skip
    assert np.isnan([result[key] for key in missing - {"reference"} if "interval" not in key]).all()
    assert np.isnan([result[key] for key in missing if "interval" in key]).all()
    same(with_reference, result, skip=missing)


# Invariance and determinism

BALL = {
    "value", "interval", "outside_fraction", "outside_fraction_interval", "reach",
    "reach_interval", "radius_quantiles",
}  # fmt: skip
AXES = {"sign_balance", "min", "max", "median", "off_centre_direction"}
OFFSET = {"offset", "offset_interval"}


def skewed(n_samples=400):
    rng = np.random.RandomState(3)
    return np.c_[
        rng.exponential(size=n_samples), rng.normal(size=n_samples), rng.gumbel(size=n_samples)
    ]


def test_same_seed_same_result():
    X = skewed()
    same(latent_extent(X, random_state=1), latent_extent(X, random_state=1))
    other = latent_extent(X, random_state=2)
    assert other.reach_interval != latent_extent(X, random_state=1).reach_interval
    assert unbounded_extent(X) == other.value


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    latent_extent(skewed())
    assert_array_equal(np.random.get_state()[1], before)


def test_permutation_and_float32():
    X = skewed()
    before = latent_extent(X, random_state=1)
    order = np.random.RandomState(0).permutation(len(X))
    same(before, latent_extent(X[order], random_state=1), rtol=1e-12, atol=1e-14)
    same(before, latent_extent(X.astype(np.float32), random_state=1), rtol=1e-4, atol=1e-5)


def test_rotation():
    X, rotation = skewed(), stats.ortho_group.rvs(3, random_state=0)
    before, after = (latent_extent(Z, random_state=1) for Z in (X, X @ rotation))
    same(before, after, rtol=1e-9, atol=1e-12, skip=AXES | OFFSET)
    assert_allclose(after.off_centre_direction, before.off_centre_direction @ rotation)
    assert not np.allclose(after.sign_balance, before.sign_balance)


def test_rotation_leaves_the_offset_of_a_symmetric_law():
    X, rotation = (
        normal(50_000, 3) * [3, 2, 1] + [1, 2, 3],
        stats.ortho_group.rvs(3, random_state=0),
    )
    assert extent(X @ rotation).offset == pytest.approx(extent(X).offset, rel=0.03)


def test_scale():
    X = skewed()
    before, after = (latent_extent(Z, random_state=1) for Z in (X, 9 * X))
    same(before, after, rtol=1e-9, atol=1e-12, skip=BALL | {"min", "max", "median"})
    assert after.reach == pytest.approx(9 * before.reach)
    assert after.value > before.value
    assert_allclose(after.median, 9 * before.median)


def test_translation():
    X = skewed()
    before, after = (latent_extent(Z, random_state=1) for Z in (X, X + 50))
    for name in ("tail_ratio", "tail_ratio_interval", "anisotropy", "effective_dim"):
        assert_allclose(after[name], before[name], rtol=1e-9)
    assert after.off_centre > 0.99
    assert after.offset > 20
    assert_allclose(after.min, before.min + 50)


def test_off_centre_of_a_rotated_rescaled_copy_is_the_same():
    X, rotation = skewed(), stats.ortho_group.rvs(3, random_state=1)
    assert extent(9 * X @ rotation).off_centre == pytest.approx(extent(X).off_centre, abs=1e-9)


# Codes that are not as they should be


def test_collinear_codes():
    line = normal(20_000, 1) @ [[1.0, 2.0]]
    result = extent(line)
    assert result.tail_ratio == pytest.approx(1, abs=0.03)
    assert result.anisotropy == np.inf
    assert result.effective_dim == pytest.approx(1)


def test_constant_axis():
    with pytest.warns(UserWarning, match="constant along axis 1 of 2"):
        result = extent(np.c_[normal(2000, 1), np.full(2000, 3.0)])
    assert result.anisotropy == np.inf
    assert np.isfinite([result.value, result.reach, result.tail_ratio, result.offset]).all()


def test_more_than_half_of_the_codes_equal():
    X = np.r_[np.ones((60, 2)), normal(40, 2)]
    result = latent_extent(X, random_state=0)
    assert result.offset == np.inf
    X[:60] = 0
    assert np.isnan(latent_extent(X, random_state=0).offset)


@pytest.mark.parametrize("function", [unbounded_extent, latent_extent])
def test_few_rows(function):
    for n_samples in (2, 3, 19):
        with pytest.warns(UserWarning, match=f"X_latent has {n_samples} rows only"):
            function(normal(n_samples, 2))


@pytest.mark.parametrize("function", [unbounded_extent, latent_extent])
@pytest.mark.parametrize(
    ("X", "kwargs", "error", "message"),
    [
        ([[0.0, np.nan]] * 30, {}, ValueError, "X_latent contains NaN.*row 0, column 1"),
        ([[0.0, np.inf]] * 30, {}, ValueError, "X_latent contains infinity"),
        ([[1.0, 2.0]] * 30, {}, ValueError, "collapse"),
        ([1.0, 2.0], {}, ValueError, "Expected 2D array"),
        ([[1.0, 2.0]], {}, ValueError, "minimum of 2"),
        (normal(30, 2), {"y": [1, 2]}, ValueError, "inconsistent numbers of samples"),
        (normal(30, 2), {"y": 0.95}, TypeError, "array-like"),
        (normal(30, 2), {"level": 1}, ValueError, "level == 1, must be < 1"),
        (normal(30, 2), {"level": "high"}, TypeError, "level must be an instance of"),
    ],
)
def test_bad_input(function, X, kwargs, error, message):
    with pytest.raises(error, match=message):
        function(X, **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"reference": "uniform"}, r"reference must be one of .*Got 'uniform' instead"),
        ({"n_resamples": 1}, "n_resamples must be 0"),
        ({"confidence_level": 0}, "confidence_level == 0"),
    ],
)
def test_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        latent_extent(normal(30, 2), **kwargs)
