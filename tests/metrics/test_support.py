"""LatentSupport and gaps: spaces whose gaps are known, scikit-learn's checks, bad input."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skae.metrics._support import LatentSupport, gap_floor, gap_fraction, latent_gaps, thinned

N_CHECKS = {"1.7": 46, "1.9": 46}

FEW = "ignore:(k=5 is too large|alpha=0.05 of|X_latent has)"


def ball(rng, n, d=2, radius=1.0, hole=0.0):
    """Uniform points of a ball, without a smaller ball of radius ``hole * radius``."""
    direction = rng.standard_normal((n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * direction * rng.uniform(hole**d, 1, size=(n, 1)) ** (1 / d)


def unclipped(codes, draws, **params):
    return latent_gaps(codes, sampler=draws, n_resamples=0, random_state=0, **params).unclipped


@pytest.mark.filterwarnings(FEW)
@parametrize_with_checks([LatentSupport()])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_no_check_is_missing():
    minor = ".".join(sklearn.__version__.split(".")[:2])
    n_checks = len(list(estimator_checks_generator(LatentSupport())))
    assert n_checks >= 40
    assert n_checks == N_CHECKS.get(minor, n_checks)


@pytest.mark.filterwarnings(FEW)
def test_check_estimator_skips_and_fails_nothing():
    results = estimator_checks.check_estimator(LatentSupport(), on_fail=None, on_skip=None)
    assert {result["status"] for result in results} == {"passed"}


@pytest.mark.parametrize(
    "name", ["check_param_validation", "check_dataframe_column_names_consistency"]
)
def test_further_sklearn_checks(name):
    getattr(estimator_checks, name)("LatentSupport", LatentSupport())


# Oracles of the gap fraction.


@pytest.mark.parametrize(
    ("d", "n"), [(1, 2000), (2, 4000), (8, 2000), (16, 2000), (64, 1000), (128, 1000)]
)
def test_draws_from_the_law_of_the_codes_see_no_gap(d, n):
    rng = np.random.RandomState(0)
    gaps = [
        unclipped(rng.standard_normal((n, d)), rng.standard_normal((3000, d))) for _ in range(4)
    ]
    assert abs(np.mean(gaps)) < 0.01
    assert max(gaps) < 2 * gap_floor(0.05, n, 3000)


def test_uniform_codes_fill_their_box():
    codes = np.random.RandomState(0).uniform(size=(5000, 2))
    assert gap_fraction(codes, random_state=0) < 0.01


@pytest.mark.parametrize(("n", "tolerance"), [(2000, 0.03), (20_000, 0.012)])
def test_disc_leaves_the_corners_of_its_box(n, tolerance):
    rng = np.random.RandomState(0)
    codes, draws = ball(rng, n), rng.uniform(-1, 1, size=(20_000, 2))
    assert unclipped(codes, draws) == pytest.approx(1 - np.pi / 4, abs=tolerance)
    gap = gap_fraction(codes, n_draws=20_000, random_state=1)
    assert gap == pytest.approx(1 - np.pi / 4, abs=tolerance)


@pytest.mark.parametrize(("n", "tolerance"), [(2000, 0.025), (20_000, 0.012)])
def test_two_discs(n, tolerance):
    rng = np.random.RandomState(0)
    codes = ball(rng, n) + np.where(np.arange(n)[:, None] % 2, [2, 0], [-2, 0])
    draws = rng.uniform([-3, -1], [3, 1], size=(10_000, 2))
    assert unclipped(codes, draws) == pytest.approx(1 - np.pi / 6, abs=tolerance)
    assert gap_fraction(codes, random_state=0) == pytest.approx(1 - np.pi / 6, abs=tolerance)


@pytest.mark.parametrize("hole", [0.5, 0.7])
def test_ring(hole):
    rng = np.random.RandomState(0)
    gaps = [unclipped(ball(rng, n, hole=hole), ball(rng, 10_000)) for n in (500, 8000)]
    assert gaps[1] == pytest.approx(hole**2, abs=0.015)
    assert gaps[0] < gaps[1] + 0.005  # few codes see less of a gap


def test_hollow_ball():
    rng = np.random.RandomState(0)
    codes, draws = ball(rng, 8000, d=3, hole=0.8), ball(rng, 10_000, d=3)
    assert unclipped(codes, draws) == pytest.approx(0.8**3, abs=0.04)


@pytest.mark.parametrize("d", [2, 16, 128])
def test_share_of_draws_far_away(d):
    rng = np.random.RandomState(0)
    draws = rng.standard_normal((5000, d))
    draws[:2000] += 100
    assert unclipped(rng.standard_normal((1500, d)), draws) == pytest.approx(0.4, abs=0.02)


def test_half_of_the_draws_in_the_void_between_two_balls():
    rng, d = np.random.RandomState(0), 16
    ends = np.array([0, 6]) / np.sqrt(d)
    codes = ball(rng, 2000, d) + np.repeat(ends, 1000)[:, None]
    draws = ball(rng, 4000, d) + np.repeat([*ends, ends.mean(), ends.mean()], 1000)[:, None]
    assert unclipped(codes, draws) == pytest.approx(0.5, abs=0.015)


@pytest.mark.parametrize("n_clusters", [2, 5, 10])
def test_interpolation_between_far_clusters(n_clusters):
    rng = np.random.RandomState(0)
    centres = 1000 * rng.standard_normal((n_clusters, 2))
    codes = np.repeat(centres, 200, axis=0) + rng.standard_normal((200 * n_clusters, 2)) / 1000
    gap = gap_fraction(codes, sampler="interpolate", n_draws=20_000, random_state=1)
    assert gap == pytest.approx(1 - 1 / n_clusters, abs=0.025)


@pytest.mark.parametrize("n_clusters", [2, 5])
@pytest.mark.filterwarnings("ignore:More than 95% of the codes")
def test_interpolation_between_exact_points(n_clusters):
    # Segments within a cluster are one point but for rounding.
    codes = np.repeat(1e3 + np.random.RandomState(0).standard_normal((n_clusters, 2)), 300, axis=0)
    gaps = latent_gaps(codes, sampler="interpolate", n_resamples=0, random_state=0)
    assert gaps.unsupported == pytest.approx(1 - 1 / n_clusters, abs=0.02)


def test_two_percent_of_stragglers_do_no_harm():
    rng = np.random.RandomState(0)
    codes = np.vstack([ball(rng, 4900), rng.uniform(-20, 20, size=(100, 2))])
    draws = rng.uniform(-np.sqrt(2), np.sqrt(2), size=(10_000, 2))
    assert unclipped(codes, draws) == pytest.approx(1 - np.pi / 8, abs=0.025)


def polar(angle, rng):
    """Points at these angles, with log-normal radius."""
    radius = 2 * np.exp(rng.standard_normal(len(angle)) / 2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def test_gaps_between_wedges_with_thin_outskirts():
    # The case that the distance alone does not see.
    rng, n = np.random.RandomState(0), 20_000
    wedge = 2 * np.pi / 10
    codes = polar(wedge * (rng.randint(10, size=n) + rng.uniform(0, 2 / 3, size=n)), rng)
    draws = polar(rng.uniform(0, 2 * np.pi, size=10_000), rng)
    assert 0.27 < unclipped(codes, draws) < 0.34
    support = LatentSupport().fit(codes)
    alone = np.mean(support._scores.of(draws)[:, 0] > support.radius_)
    assert alone < 0.15


def test_density_level_set_of_a_normal_law():
    # Draws uniform on [-4, 4]^2: codes at the edge of their 95 % disc, of area 18.8, are the
    # last that are supported by distance; contrast can only take away.
    rng = np.random.RandomState(0)
    codes, draws = rng.standard_normal((20_000, 2)), rng.uniform(-4, 4, size=(10_000, 2))
    support = LatentSupport().fit(codes)
    area = 64 * np.mean(support.predict(draws) == 1)
    assert np.pi * -2 * np.log(0.05) < 18.9
    assert 17 < area < 23


@pytest.mark.parametrize(("d", "is_seen"), [(2, True), (8, True), (16, True), (64, False)])
def test_hollow_of_a_sphere_is_seen_in_few_dimensions_only(d, is_seen):
    rng = np.random.RandomState(0)
    codes = ball(rng, 2000, d, hole=0.999)
    assert LatentSupport().fit(codes).predict(np.zeros((1, d)))[0] == (-1 if is_seen else 1)


def test_standard_normal_codes_are_no_box():
    codes = np.random.RandomState(0).standard_normal((2000, 16))
    assert gap_fraction(codes, sampler="box", n_draws=2000, random_state=0) > 0.98
    assert gap_fraction(codes, sampler="standard_normal", n_draws=2000, random_state=0) < 0.02


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
def test_alpha_is_the_share_of_stragglers(alpha):
    rng = np.random.RandomState(0)
    gaps = latent_gaps(
        rng.standard_normal((4000, 3)),
        sampler=rng.standard_normal((10_000, 3)),
        alpha=alpha,
        n_resamples=0,
    )
    assert gaps.unsupported == pytest.approx(alpha, rel=0.15)


def test_extreme_alpha():
    codes = ball(np.random.RandomState(0), 50)
    assert LatentSupport(alpha=0.999).fit(codes).predict(codes).sum() < 0
    with pytest.warns(UserWarning, match="calibrated to 0.02"):
        assert LatentSupport(alpha=1e-6).fit(codes).predict(codes).sum() > 40


# What the numbers do not depend on, and what they do.


def plain(bunch):
    """Fields that can be compared."""
    return {key: value for key, value in bunch.items() if key != "support"}


@pytest.mark.parametrize("sampler", ["box", "gmm", "interpolate", "standard_normal"])
def test_same_seed_same_result(sampler):
    codes = ball(np.random.RandomState(0), 400)
    first, second, other = (
        latent_gaps(codes, sampler=sampler, n_draws=500, n_resamples=3, random_state=seed)
        for seed in (3, 3, 4)
    )
    for key, value in plain(first).items():
        np.testing.assert_array_equal(value, second[key])
    assert not np.array_equal(first.draws, other.draws)


def test_value_is_the_scalar():
    codes = ball(np.random.RandomState(0), 300)
    gaps = latent_gaps(codes, n_resamples=2, random_state=1)
    assert gap_fraction(codes, random_state=1) == gaps.value
    assert gap_fraction(codes, np.zeros(300), random_state=1) == gaps.value


@pytest.mark.parametrize("max_samples", ["auto", 150])
@pytest.mark.parametrize("sampler", ["box", "interpolate", "normal"])
def test_order_of_rows_does_not_matter(sampler, max_samples):
    rng = np.random.RandomState(0)
    codes = ball(rng, 400)
    first, second = (
        latent_gaps(
            rows,
            sampler=sampler,
            n_draws=500,
            max_samples=max_samples,
            n_resamples=3,
            random_state=0,
        )
        for rows in (codes, codes[rng.permutation(400)])
    )
    assert first.value == pytest.approx(second.value, abs=1e-9)
    assert first.interval == pytest.approx(second.interval, abs=1e-9)
    np.testing.assert_allclose(first.draws, second.draws, atol=1e-9)


@pytest.mark.parametrize("d", [2, 16])
def test_similarity_of_codes_and_draws_changes_units_only(d):
    rng = np.random.RandomState(0)
    codes, draws = ball(rng, 600, d, hole=0.6), ball(rng, 1000, d)
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    first = latent_gaps(codes, sampler=draws, max_samples=500, n_resamples=3, random_state=0)
    second = latent_gaps(
        700 * codes @ rotation + 1000,
        sampler=700 * draws @ rotation + 1000,
        max_samples=500,
        n_resamples=3,
        random_state=0,
    )
    for key in ("value", "unsupported", "error", "contrast", "floor"):
        assert first[key] == pytest.approx(second[key], rel=1e-6), key
    for key in ("radius", "resolution", "largest_gap_radius"):
        assert 700 * first[key] == pytest.approx(second[key], rel=1e-6), key
    np.testing.assert_array_equal(first.supported, second.supported)
    np.testing.assert_allclose(
        700 * first.largest_gap_centre @ rotation + 1000, second.largest_gap_centre
    )


def test_named_laws_move_with_the_codes_and_the_standard_normal_does_not():
    codes = ball(np.random.RandomState(0), 1000)
    for sampler in ("box", "normal", "interpolate"):
        gaps = [
            gap_fraction(rows, sampler=sampler, random_state=0) for rows in (codes, 9 * codes + 50)
        ]
        assert gaps[0] == pytest.approx(gaps[1], abs=1e-6)
    assert gap_fraction(codes, sampler="standard_normal", random_state=0) < 0.7
    assert gap_fraction(9 * codes + 50, sampler="standard_normal", random_state=0) == 1


def test_float32():
    rng = np.random.RandomState(0)
    codes = ball(rng, 800).astype(np.float32)
    gaps = [gap_fraction(rows, random_state=0) for rows in (codes, codes.astype(np.float64))]
    assert gaps[0] == gaps[1]
    double = ball(np.random.RandomState(0), 800)
    assert gap_fraction(double, random_state=0) == pytest.approx(gaps[0], abs=1e-3)


def test_all_laws():
    rng = np.random.RandomState(0)
    codes = rng.standard_normal((500, 2))
    for sampler, name in [
        ("normal", "normal"),
        ("kde", "kde"),
        ("resample", "resample"),
        (GaussianMixture(), "GaussianMixture"),
        (lambda n: rng.standard_normal((n, 2)), "function"),
        (rng.standard_normal((1000, 2)).tolist(), "array"),
    ]:
        gaps = latent_gaps(codes, sampler=sampler, n_draws=1000, n_resamples=0, random_state=0)
        assert gaps.sampler == name
        assert gaps.draws.shape == (1000, 2)
        assert gaps.value < 0.08


# Details.


def test_details():
    rng = np.random.RandomState(0)
    codes = ball(rng, 1000, hole=0.5)
    draws = np.vstack([ball(rng, 999, radius=0.9), [[4, 3]]])
    gaps = latent_gaps(codes, sampler=draws, random_state=0)
    assert (gaps.metric, gaps.sampler, gaps.ideal) == ("gap_fraction", "array", 0)
    assert (gaps.n_samples, gaps.n_components, gaps.k, gaps.alpha) == (1000, 2, 5, 0.05)
    np.testing.assert_array_equal(gaps.draws, draws)
    assert gaps.unsupported == pytest.approx(np.mean(~gaps.supported))
    assert gaps.unclipped == pytest.approx((gaps.unsupported - 0.05) / 0.95)
    assert gaps.interval[0] < gaps.value == gaps.unclipped < gaps.interval[1]
    assert gaps.resolution == 2 * gaps.radius == 2 * gaps.support.radius_
    np.testing.assert_array_equal(gaps.largest_gap_centre, [4, 3])
    distances = np.sort(np.linalg.norm(codes - [4, 3], axis=1))
    assert gaps.largest_gap_radius == pytest.approx(distances[4])
    np.testing.assert_array_equal(gaps.support.predict(draws) == 1, gaps.supported)


def test_no_resamples_no_interval():
    codes = ball(np.random.RandomState(0), 100)
    gaps = latent_gaps(codes, n_resamples=0, random_state=0)
    assert np.isnan([*gaps.interval, gaps.error]).all()
    assert gaps.floor > 0


def test_standard_error_is_that_of_repeats():
    def draw(seed):
        rng = np.random.RandomState(seed)
        return latent_gaps(
            ball(rng, 500, hole=0.5), sampler=ball(rng, 1000), n_resamples=10, random_state=seed
        )

    repeats = [draw(seed) for seed in range(40)]
    truth = np.std([gaps.unclipped for gaps in repeats])
    assert 0.8 < np.mean([gaps.error for gaps in repeats]) / truth < 1.7


def test_few_draws_widen_interval_and_floor():
    codes = ball(np.random.RandomState(0), 2000)
    few, many = (
        latent_gaps(codes, n_draws=n_draws, n_resamples=3, random_state=0) for n_draws in (50, 5000)
    )
    assert few.error > 3 * many.error
    assert few.floor > 3 * many.floor


def test_floor_is_rarely_exceeded_by_a_perfect_sampler():
    rng = np.random.RandomState(0)
    gaps = [
        latent_gaps(
            rng.standard_normal((200, 2)), sampler=rng.standard_normal((2000, 2)), n_resamples=0
        )
        for _ in range(60)
    ]
    assert np.mean([gap.value > gap.floor for gap in gaps]) < 0.15


# The estimator.


def test_supported_means_both_scores_are_small():
    rng = np.random.RandomState(0)
    support = LatentSupport(k=3, alpha=0.1).fit(rng.standard_normal((500, 2)))
    points = rng.uniform(-4, 4, size=(2000, 2))
    distance, contrast = support._scores.of(points).T
    is_supported = (distance <= support.radius_) & (contrast <= support.contrast_)
    np.testing.assert_array_equal(support.predict(points) == 1, is_supported)
    np.testing.assert_array_equal(support.score_samples(points) > support.offset_, is_supported)
    assert 0 < is_supported.mean() < 1


def test_scores_by_hand():
    # k = 1 on a line: d_1 of the codes is 1, 1, 2, 4 and so on.
    codes = np.array([0.0, 1, 3, 7, 15, 31, 63, 127])[:, np.newaxis]
    with pytest.warns(UserWarning, match="alpha=0.05 of 8 codes is less than one code"):
        support = LatentSupport(k=1).fit(codes)
    distance, contrast = support._scores.of(np.array([[4.0], [200.0]])).T
    np.testing.assert_allclose(distance, [1, 73])
    np.testing.assert_allclose(
        contrast, [1 / 3, 73 / 48]
    )  # neighbours 3 (2), 7 (4); 127 (64), 63 (32)
    # Left out, 0 has the neighbours 1 and 3, whose own nearest are then 3 and 1.
    assert 1 / 2 in support._scores.own[:, 1]


def test_codes_left_out_score_as_new_points_do():
    rng = np.random.RandomState(0)
    codes = rng.standard_normal((60, 2))
    own = LatentSupport(k=4).fit(codes)._scores
    index = {tuple(code): i for i, code in enumerate(own.search.codes + own.search.center)}
    for code in codes[:20]:
        others = codes[(codes != code).any(axis=1)]
        expected = LatentSupport(k=4).fit(others)._scores.of(code[np.newaxis])[0]
        i = min(index, key=lambda row: np.linalg.norm(np.subtract(row, code)))
        np.testing.assert_allclose(own.own[index[i]], expected)


def test_scores_are_shares_of_codes():
    rng = np.random.RandomState(0)
    support = LatentSupport().fit(rng.standard_normal((300, 2)))
    scores = support.score_samples(rng.standard_normal((5000, 2)))
    assert scores.min() == pytest.approx(1 / 301)
    assert scores.max() <= 1
    assert support.score_samples([[100.0, 0.0]])[0] == pytest.approx(1 / 301)
    np.testing.assert_allclose(
        support.decision_function([[0.0, 0.0]]),
        support.score_samples([[0.0, 0.0]]) - support.offset_,
    )


def test_subset_of_codes_is_drawn():
    codes = ball(np.random.RandomState(0), 1000)
    few, many = (
        LatentSupport(max_samples=size, random_state=0).fit(codes) for size in (100, "auto")
    )
    assert few.radius_ > 2 * many.radius_
    again = LatentSupport(max_samples=100, random_state=0).fit(codes)
    assert again.radius_ == few.radius_
    gaps = latent_gaps(codes, max_samples=100, n_resamples=0, random_state=0)
    assert gaps.radius == few.radius_


def test_support_is_cloned_and_pickled():
    rng = np.random.RandomState(0)
    points = rng.uniform(-3, 3, size=(50, 2))
    for d_codes in (rng.standard_normal((100, 2)), rng.standard_normal((100, 8))):
        support = LatentSupport().fit(d_codes)
        points = rng.uniform(-3, 3, size=(50, d_codes.shape[1]))
        copy = pickle.loads(pickle.dumps(support))
        np.testing.assert_array_equal(copy.score_samples(points), support.score_samples(points))
    assert not hasattr(clone(support), "radius_")


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    latent_gaps(ball(np.random.RandomState(0), 100), n_draws=100, n_resamples=2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Bad input.


def test_thinned_keeps_the_neighbours():
    rng = np.random.RandomState(0)
    codes = np.vstack([np.repeat(rng.standard_normal((3, 2)), [1, 5, 40], axis=0)])
    codes = codes[rng.permutation(46)]
    kept = codes[thinned(codes, 7)]
    assert sorted(np.unique(kept, axis=0, return_counts=True)[1]) == [1, 5, 7]
    np.testing.assert_array_equal(thinned(codes[:5] + np.arange(5)[:, None], 7), np.arange(5))


def test_many_copies_of_one_code_count_and_cost_little():
    codes = np.random.RandomState(0).standard_normal((40_000, 2))
    codes[:20_000] = 0
    support = LatentSupport().fit(codes)
    assert len(support._scores.own) == 40_000
    assert len(support._scores.rows) < 20_100
    gaps = latent_gaps(codes, sampler="resample", n_resamples=0, random_state=0)
    assert gaps.unsupported < 0.05
    np.testing.assert_array_equal(support.predict([[0.0, 0.0], [9.0, 9.0]]), [1, -1])


def test_mostly_duplicates_warn():
    codes = np.random.RandomState(0).standard_normal((300, 2))
    codes[:290] = 1
    with pytest.warns(UserWarning, match=r"More than 95% of the codes have k=5 duplicates"):
        support = LatentSupport().fit(codes)
    assert support.radius_ == 0
    np.testing.assert_array_equal(support.predict([[1.0, 1.0], [1.0, 1.1]]), [1, -1])


def test_collapse():
    for call in (LatentSupport().fit, gap_fraction, latent_gaps):
        with pytest.raises(ValueError, match="collapsed to one point"):
            call(np.ones((50, 2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad):
    codes = ball(np.random.RandomState(0), 50)
    codes[7, 1] = bad
    for call in (LatentSupport().fit, gap_fraction):
        with pytest.raises(ValueError, match=r"row 7, column 1"):
            call(codes)
    with pytest.raises(ValueError, match=r"row 0, column 1"):
        LatentSupport().fit(np.nan_to_num(codes, posinf=0)).predict([[0, bad]])


def test_constant_axis_changes_nothing():
    rng = np.random.RandomState(0)
    codes, draws = ball(rng, 200), ball(rng, 500, radius=2)
    flat, flat_draws = (np.column_stack([rows, np.full(len(rows), 3.0)]) for rows in (codes, draws))
    with pytest.warns(UserWarning, match="constant along axis 2 of 3"):
        gap = gap_fraction(flat, sampler=flat_draws)
    assert gap == gap_fraction(codes, sampler=draws)


def test_few_codes():
    codes = ball(np.random.RandomState(0), 8)
    with (
        pytest.warns(UserWarning, match="X_latent has 8 rows only"),
        pytest.warns(UserWarning, match="k=5 is too large for 8 codes: k=3 is used"),
        pytest.warns(UserWarning, match="calibrated to 0.11 instead"),
    ):
        gaps = latent_gaps(codes, random_state=0)
    assert gaps.k == 3
    assert 0 <= gaps.interval[0] <= gaps.value <= gaps.interval[1]
    with pytest.raises(ValueError, match="minimum of 6"):
        gap_fraction(codes[:5])
    with pytest.raises(ValueError, match="minimum of 3"):
        LatentSupport().fit(codes[:2])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"k": 0}, ValueError, "k == 0"),
        ({"k": 2.5}, TypeError, "k must be an instance of"),
        ({"alpha": 0}, ValueError, "alpha == 0"),
        ({"alpha": 1.0}, ValueError, "alpha == 1"),
        ({"n_draws": 0}, ValueError, "n_draws == 0"),
        ({"max_samples": 3}, ValueError, "max_samples == 3"),
        ({"max_samples": "all"}, TypeError, "max_samples must be an instance of"),
        ({"sampler": "cube"}, ValueError, "sampler must be one of .* Got 'cube'"),
        ({"sampler": np.zeros((9, 3))}, ValueError, r"shape \(n_draws, 2\).*Got shape \(9, 3\)"),
        ({"sampler": lambda n: np.zeros((n, 1))}, ValueError, r"Got shape \(10000, 1\)"),
        ({"sampler": np.full((9, 2), np.nan)}, ValueError, "the sampler's draws"),
        ({"n_resamples": 1}, ValueError, "n_resamples must be 0"),
        ({"n_resamples": -1}, ValueError, "n_resamples == -1"),
        ({"confidence_level": 1}, ValueError, "confidence_level == 1"),
    ],
)
def test_bad_parameters(params, error, message):
    with pytest.raises(error, match=message):
        latent_gaps(ball(np.random.RandomState(0), 50), **params)
