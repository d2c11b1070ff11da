import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import pairwise_distances

from skae.metrics._quality import sample_quality
from skae.metrics._resampling import wilson_interval

NAMES = ["precision", "recall", "density", "coverage"]


def normal(n, d, seed):
    return np.random.RandomState(seed).standard_normal((n, d))


def four(real, sampled, **options):
    result = sample_quality(real, sampled, n_resamples=0, random_state=0, **options)
    return [result[name] for name in NAMES]


def by_definition(real, sampled, k):
    """The four numbers, straight from the formulae."""
    r = np.sort(pairwise_distances(real), axis=1)[:, k] * (1 - 1e-6)
    s = np.sort(pairwise_distances(sampled), axis=1)[:, k] * (1 - 1e-6)
    cross = pairwise_distances(real, sampled)
    inside = cross < r[:, None]
    return [
        inside.any(axis=0).mean(),
        (cross < s).any(axis=1).mean(),
        inside.sum() / (k * len(sampled)),
        (cross.min(axis=1) < r).mean(),
    ]


@pytest.mark.parametrize("d", [1, 2, 16])
@pytest.mark.parametrize("k", [1, 5])
def test_formulae(d, k):
    real, sampled = normal(300, d, 0), 0.7 * normal(300, d, 1) + 0.3
    np.testing.assert_allclose(four(real, sampled, k=k), by_definition(real, sampled, k))


def test_chunks_do_not_matter(monkeypatch):
    real, sampled = normal(400, 3, 0), 0.7 * normal(400, 3, 1)
    wanted = four(real, sampled)
    monkeypatch.setattr("skae.metrics._quality.CHUNK", 0.1)  # 32 rows
    np.testing.assert_allclose(four(real, sampled), wanted, rtol=1e-12)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_matched_laws(d):
    result = sample_quality(
        normal(1000, d, 0), normal(1000, d, 1), X_holdout=normal(1000, d, 2), random_state=0
    )
    assert result.expected_coverage == pytest.approx(0.9690, abs=1e-4)
    assert result.coverage == pytest.approx(result.expected_coverage, abs=0.02)
    assert result.coverage > result.floor
    assert result.density == pytest.approx(1, abs=0.12)
    assert list(result.ceiling) == NAMES
    for name in NAMES:
        assert result[name] == pytest.approx(result.ceiling[name], abs=0.06)
        low, high = result.intervals[name]
        assert low <= result[name] <= high


def test_expected_coverage_is_the_mean_of_matched_laws():
    options = {"k": 3, "n_resamples": 0, "random_state": 0}
    results = [
        sample_quality(normal(50, 2, 2 * i), normal(50, 2, 2 * i + 1), **options)
        for i in range(150)
    ]
    coverage = np.array([result.coverage for result in results])
    error = coverage.std() / np.sqrt(len(results))
    assert abs(coverage.mean() - results[0].expected_coverage) < 3 * error
    assert np.mean(coverage < results[0].floor) < 0.1


def test_ideal_is_the_limit_of_many_rows():
    result = sample_quality(normal(2000, 1, 0), normal(2000, 1, 1), k=3, n_resamples=0)
    assert result.ideal == 1 - 1 / 8
    assert result.expected_coverage == pytest.approx(result.ideal, abs=1e-3)


@pytest.mark.parametrize("d", [2, 16])
def test_identical_sets(d):
    rows = normal(500, d, 0) * 3 + 50
    assert four(rows, rows) == [1, 1, 1, 1]
    assert four(rows, rows[::-1], k=1) == [1, 1, 1, 1]


@pytest.mark.parametrize("d", [2, 16])
def test_disjoint_sets(d):
    assert four(normal(500, d, 0), normal(500, d, 1) + 1000) == [0, 0, 0, 0]


@pytest.mark.parametrize("d", [2, 16])
def test_far_rows_leave_the_density(d):
    sampled = normal(1000, d, 1)
    sampled[:400] += 1000
    precision, _, density, _ = four(normal(1000, d, 0), sampled)
    assert density == pytest.approx(0.6, abs=0.04)
    assert precision <= 0.6


@pytest.mark.parametrize("d", [2, 16])
def test_dropped_mode_halves_coverage_and_recall(d):
    real = normal(1500, d, 0)
    real[::2] += 100
    matched = four(normal(1500, d, 3), normal(1500, d, 1))
    dropped = four(real, normal(1500, d, 1))
    assert dropped[3] == pytest.approx(0.5, abs=0.02)
    assert dropped[1] == pytest.approx(matched[1] / 2, abs=0.03)
    assert dropped[0] == pytest.approx(matched[0], abs=0.03)  # precision does not see it


def test_sheet_has_no_recall_but_precision():
    # Samples on a line through a cloud: their balls are thin only against the cloud's.
    real = normal(1000, 8, 0)
    sampled = np.outer(np.random.RandomState(1).standard_normal(1000), np.eye(8)[0])
    precision, recall, density, _ = four(real, sampled)
    assert precision > 0.99
    assert density > 1.5  # blur scores above real rows
    assert recall < 0.05


def test_arc_of_a_circle():
    # On a circle every ball is a short arc: real rows cover all of it, samples a third.
    angle = np.random.RandomState(0).uniform(0, 2 * np.pi, size=(2, 1500))
    real, sampled = (np.c_[np.cos(a), np.sin(a)] for a in (angle[0], angle[1] / 3))
    precision, recall, density, coverage = four(real, sampled)
    assert precision > 0.97
    assert density == pytest.approx(1, abs=0.1)
    assert recall == pytest.approx(1 / 3, abs=0.03)
    assert coverage == pytest.approx(1 / 3, abs=0.03)


def test_similarity_changes_nothing():
    real, sampled = normal(400, 3, 0), 0.7 * normal(400, 3, 1)
    q = np.linalg.qr(normal(3, 3, 2))[0]
    results = [
        sample_quality(*pair, max_samples=300, random_state=0)
        for pair in ((real, sampled), (700 * real @ q + 1000, 700 * sampled @ q + 1000))
    ]
    for name in NAMES:
        assert results[1][name] == pytest.approx(results[0][name], abs=1e-9)
        assert results[1].intervals[name] == pytest.approx(results[0].intervals[name], abs=1e-9)


def test_same_seed_same_numbers_in_any_order_of_rows():
    real, sampled, holdout = normal(400, 3, 0), 0.7 * normal(500, 3, 1), normal(450, 3, 2)
    options = {"max_samples": 300, "random_state": 0}
    first = sample_quality(real, sampled, X_holdout=holdout, **options)
    assert first == sample_quality(real, sampled, X_holdout=holdout, **options)
    shuffle = np.random.RandomState(5).permutation
    permuted = sample_quality(
        shuffle(real), shuffle(sampled), X_holdout=shuffle(holdout), **options
    )
    assert first == permuted
    other = sample_quality(real, sampled, max_samples=300, random_state=1)
    assert first.density != other.density


def test_float32_and_frames():
    real, sampled = normal(400, 3, 0), 0.7 * normal(400, 3, 1)
    wanted = four(real, sampled)
    np.testing.assert_allclose(
        four(real.astype(np.float32), sampled.astype(np.float32)), wanted, atol=3e-3
    )
    assert four(pd.DataFrame(real, columns=list("abc")), sampled.tolist()) == wanted


def test_sizes_are_equal():
    result = sample_quality(normal(300, 2, 0), normal(500, 2, 1), random_state=0)
    assert result.n_samples == 300
    assert result.ceiling is None
    holdout = sample_quality(
        normal(300, 2, 0), normal(500, 2, 1), X_holdout=normal(100, 2, 2), random_state=0
    )
    assert holdout.n_samples == 100
    capped = sample_quality(normal(300, 2, 0), normal(500, 2, 1), max_samples=50, random_state=0)
    assert (capped.n_samples, capped.n_components, capped.k) == (50, 2, 5)


def test_ceiling_is_that_of_held_out_rows():
    real, holdout = normal(300, 2, 0), normal(300, 2, 2)
    blurred = sample_quality(real, 0.5 * normal(300, 2, 1), X_holdout=holdout, n_resamples=0)
    assert blurred.density > blurred.ceiling.density
    assert blurred.coverage < blurred.floor < blurred.ceiling.coverage
    np.testing.assert_allclose(
        [blurred.ceiling[name] for name in NAMES], by_definition(real, holdout, 5)
    )


def test_feature_map():
    real, sampled = normal(300, 4, 0), normal(300, 4, 1)
    sampled[:, 2:] += 1000  # where the map does not look
    assert four(real, sampled) == [0, 0, 0, 0]
    result = sample_quality(
        real, sampled, feature_map=lambda X: X[:, :2].tolist(), n_resamples=0, random_state=0
    )
    assert [result[name] for name in NAMES] == four(real[:, :2], sampled[:, :2])
    assert result.n_components == 2


def test_no_resamples_no_intervals():
    real, sampled = normal(200, 2, 0), 0.7 * normal(200, 2, 1)
    quick = sample_quality(real, sampled, n_resamples=0, random_state=0)
    full = sample_quality(real, sampled, random_state=0)
    assert np.isnan([quick.intervals[name] for name in NAMES]).all()
    assert np.isnan(quick.interval).all()
    assert [quick[name] for name in NAMES] == [full[name] for name in NAMES]
    assert full.interval == full.intervals["coverage"]
    assert full.value == full.coverage


def test_interval_has_the_width_of_the_sampling_error():
    def draw(seed):
        rng = np.random.RandomState(seed)
        sampled = rng.standard_normal((200, 2))
        sampled[rng.uniform(size=200) < 0.4] += 100
        return rng.standard_normal((200, 2)), sampled

    precision = [four(*draw(seed))[0] for seed in range(100)]
    results = [sample_quality(*draw(seed), random_state=0) for seed in range(10)]
    widths = [np.ptp(result.intervals["precision"]) for result in results]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(precision), rel=0.3)


def test_duplicates_are_warned_of():
    real = normal(100, 2, 0)
    real[:10] = real[0]
    with pytest.warns(UserWarning, match="10 of 100 rows of X_real have k=5 or more duplicates"):
        result = sample_quality(real, normal(100, 2, 1), n_resamples=0)
    assert 0.7 < result.coverage <= 0.9
    with pytest.warns(UserWarning, match="10 of 100 rows of X_sampled have k=5 or more dup"):
        sample_quality(normal(100, 2, 1), real, n_resamples=0)
    with pytest.warns(UserWarning, match="All rows of X_sampled are equal: the model has coll"):
        collapsed = sample_quality(normal(100, 2, 0), np.zeros((100, 2)), n_resamples=0)
    assert collapsed.recall == 0
    assert collapsed.precision == 1
    with pytest.raises(ValueError, match="All rows of X_real are equal"):
        sample_quality(np.ones((100, 2)), normal(100, 2, 0))


def test_constant_features_are_fine():
    real, sampled = normal(100, 2, 0), normal(100, 2, 1)
    wider = [np.c_[rows, np.full(100, 3.0)] for rows in (real, sampled)]
    np.testing.assert_allclose(four(*wider), four(real, sampled))


@pytest.mark.parametrize("n", [4, 7, 19])
def test_few_rows_are_warned_of(n):
    with (
        pytest.warns(UserWarning, match=f"has {n} rows only"),
        pytest.warns(UserWarning, match="k=10 is too large"),
    ):
        result = sample_quality(normal(n, 2, 0), normal(n, 2, 1), k=10, random_state=0)
    assert result.k == (n - 1) // 2
    assert np.isfinite(list(result.intervals.values())).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k == 0"),
        ({"k": 1.5}, TypeError, "k must be an instance"),
        ({"max_samples": 2}, ValueError, "max_samples"),
        ({"n_resamples": 1}, ValueError, "n_resamples must be 0"),
        ({"confidence_level": 2.0}, ValueError, "confidence_level"),
        ({"X_sampled": np.zeros((50, 3))}, ValueError, "X_sampled must have the 2 features"),
        ({"X_holdout": np.zeros((50, 3))}, ValueError, "X_holdout must have the 2 features"),
        ({"X_sampled": np.full((50, 2), np.inf)}, ValueError, "X_sampled contains infinity"),
        ({"X_holdout": np.zeros((2, 2))}, ValueError, "minimum of 4 is required"),
        ({"feature_map": lambda X: X[1:]}, ValueError, "feature_map must return"),
        ({"feature_map": lambda X: X * np.nan}, ValueError, "feature_map contains NaN"),
    ],
)
def test_bad_arguments(options, error, message):
    arguments = {"X_real": normal(50, 2, 0), "X_sampled": normal(50, 2, 1), **options}
    with pytest.raises(error, match=message):
        sample_quality(**arguments)


@pytest.mark.parametrize("share", [0.0, 0.004, 0.996, 1.0])
@pytest.mark.parametrize("n_trials", [0.1, 450, 1197, 1e6])
def test_intervals_hold_their_value(share, n_trials):
    # Rounding brought the upper end of 1.0 to 0.9999999999999999.
    low, high = wilson_interval(share, n_trials, 0.95)
    assert 0 <= low <= share <= high <= 1
