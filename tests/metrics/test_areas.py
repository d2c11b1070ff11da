"""Areas of classes: shapes of known entropy, what they do not depend on, bad input."""

import numpy as np
import pytest

from skae.metrics._areas import (
    class_area_imbalance,
    class_areas,
    class_target,
    gaussian_entropy,
    gini,
    knn_entropy,
    total_variation,
)
from skae.metrics._resampling import half_sample_error


def ball(rng, n, d=2, radius=1.0, hole=0.0):
    """Uniform points of a ball, without a smaller ball of radius ``hole * radius``."""
    direction = rng.standard_normal((n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * direction * rng.uniform(hole**d, 1, size=(n, 1)) ** (1 / d)


def two_normals(rng, n_small, n_large, d=2, scale=2):
    """Classes 'a' and 'b' of areas 1 : scale²."""
    codes = np.vstack(
        [rng.standard_normal((n_small, d)), scale * rng.standard_normal((n_large, d)) + 3]
    )
    return codes, np.repeat(["a", "b"], [n_small, n_large])


# Oracles.


def test_areas_of_known_shapes():
    rng, n = np.random.RandomState(0), 4000
    shapes = {
        "disc 1": (ball(rng, n), np.pi, 0.05),
        "disc 2": (ball(rng, n, radius=2), 4 * np.pi, 0.05),
        "normal": (3 * rng.standard_normal((n, 2)), 2 * np.pi * np.e * 9, 0.05),
        "ellipse": (rng.standard_normal((n, 2)) * [5, 0.2], 2 * np.pi * np.e, 0.06),
        "ring": (ball(rng, n, hole=0.6), np.pi * 0.64, 0.09),
        "square": (rng.uniform(size=(n, 2)), 1, 0.05),
        # Two far pieces and nothing between them.
        "pieces": (rng.uniform(size=(n, 2)) + 50 * rng.randint(2, size=(n, 1)), 2, 0.05),
    }
    codes = np.vstack([codes for codes, _, _ in shapes.values()])
    result = class_areas(codes, np.repeat(list(shapes), n), max_samples=10**6, n_resamples=0)
    for name, area in zip(result.classes, result.area, strict=True):
        _, wanted, tolerance = shapes[name]
        assert area == pytest.approx(wanted, rel=tolerance), name


@pytest.mark.parametrize("d", [1, 2, 5, 16])
def test_entropy_of_a_normal_law(d):
    rng = np.random.RandomState(0)
    wanted = d / 2 * np.log(2 * np.pi * np.e)
    # Edges of the sample bias it upwards, the more the higher the dimension.
    assert knn_entropy(rng.standard_normal((4000, d)), 5) == pytest.approx(wanted, rel=0.04)
    assert gaussian_entropy(rng.standard_normal((4000, d))) == pytest.approx(wanted, abs=0.1)


def test_area_scales_as_a_length_squared_in_any_dimension():
    for d in (1, 2, 16, 64):
        codes, y = two_normals(np.random.RandomState(0), 300, 300, d)
        for method in ("knn", "gaussian"):
            first, second = (
                class_areas(rows, y, method=method, n_resamples=0) for rows in (codes, 3 * codes)
            )
            np.testing.assert_allclose(second.area, 9 * first.area)
            np.testing.assert_allclose(second.log_volume, first.log_volume + d * np.log(3))
            np.testing.assert_allclose(second.share, first.share)


@pytest.mark.parametrize("d", [2, 16])
@pytest.mark.parametrize("sizes", [(1000, 1000), (200, 2000), (2000, 200)])
def test_ratio_of_two_normals_whatever_the_sizes(d, sizes):
    results = [
        class_areas(*two_normals(np.random.RandomState(seed), *sizes, d), n_resamples=0)
        for seed in range(3)
    ]
    assert np.mean([result.value for result in results]) == pytest.approx(0.3, abs=0.02)
    assert np.mean([result.gini for result in results]) == pytest.approx(0.3, abs=0.02)
    assert np.mean([result.ratio for result in results]) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("d", [64, 128])
def test_ratio_in_many_dimensions(d):
    result = class_areas(*two_normals(np.random.RandomState(0), 300, 900, d), n_resamples=0)
    assert result.value == pytest.approx(0.3, abs=0.01)


def test_two_discs():
    rng = np.random.RandomState(0)
    codes = np.vstack([ball(rng, 2000), ball(rng, 2000, radius=2) + 9])
    assert class_area_imbalance(codes, np.repeat([0, 1], 2000)) == pytest.approx(0.3, abs=0.015)


def test_indices_by_hand():
    assert total_variation(np.array([0.2, 0.8]), 0.5) == pytest.approx(0.3)
    assert gini(np.array([0.2, 0.8])) == pytest.approx(0.3)
    assert gini(np.array([0, 0, 1.0, 0])) == pytest.approx(0.75)
    assert gini(np.full(7, 1 / 7)) == pytest.approx(0)
    result = class_areas(*two_normals(np.random.RandomState(0), 4000, 4000), n_resamples=0)
    entropy = np.log(result.effective_classes) / np.log(2)
    assert entropy == pytest.approx(0.7219, abs=0.02)


def test_equal_classes_stay_below_the_floor():
    above = []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        result = class_areas(
            rng.standard_normal((500, 2)), np.repeat(np.arange(5), 100), random_state=seed
        )
        above.append(result.value > result.floor)
        assert 0 < result.floor < 0.15
    assert np.mean(above) <= 0.1


@pytest.mark.parametrize("d", [2, 16])
def test_intervals_hold_the_truth(d):
    held = []
    for seed in range(30):
        codes, y = two_normals(np.random.RandomState(seed), 60, 150, d)
        result = class_areas(codes, y, random_state=seed)
        held.append(
            [
                result.interval[0] <= 0.3 <= result.interval[1],
                result.share_low[0] <= 0.2 <= result.share_high[0],
                result.ratio_interval[0] <= 4 <= result.ratio_interval[1],
            ]
        )
        assert result.value > result.floor
    assert (np.mean(held, axis=0) > 0.83).all()


def test_error_of_an_entropy_is_that_of_repeats():
    # The textbook standard deviation of the terms by √n would be half as large.
    values, errors = [], []
    for seed in range(40):
        rng = np.random.RandomState(seed)
        codes = rng.standard_normal((200, 32))
        values.append(knn_entropy(codes, 5))
        errors.append(
            half_sample_error(lambda rows, codes=codes: knn_entropy(codes[rows], 5), 200, 10, rng)
        )
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_gaussian_entropy_has_no_bias_for_few_codes():
    rng, d = np.random.RandomState(0), 4
    values = [gaussian_entropy(rng.standard_normal((10, d))) for _ in range(2000)]
    assert np.mean(values) == pytest.approx(d / 2 * np.log(2 * np.pi * np.e), abs=0.06)


def test_gaussian_method():
    codes, y = two_normals(np.random.RandomState(0), 30, 60)
    results = [
        class_areas(*two_normals(np.random.RandomState(seed), 12, 60), method="gaussian")
        for seed in range(10)
    ]
    assert np.mean([result.value for result in results]) == pytest.approx(0.3, abs=0.05)
    assert class_areas(codes, y, method="gaussian", k=50).dropped.size == 0  # k has no part


# Outliers and wrong labels.


def test_few_outliers_change_little():
    rng = np.random.RandomState(0)
    codes = rng.standard_normal((2000, 2))
    far = codes.copy()
    far[:20] *= 30
    y = np.zeros(2000, dtype=int)
    with pytest.warns(UserWarning, match="only class"):
        clean, spoilt = (class_areas(rows, y, n_resamples=0).area[0] for rows in (codes, far))
    assert 1 < spoilt / clean < 1.2


# What the numbers do not depend on.


def assert_same(first, second, *, rtol=1e-6):
    for key, value in first.items():
        if np.asarray(value).dtype.kind in "fiu":
            np.testing.assert_allclose(value, second[key], rtol=rtol, atol=1e-9, err_msg=key)


@pytest.fixture
def three():
    """Three classes of unequal sizes and areas."""
    rng = np.random.RandomState(0)
    y = np.repeat([0, 1, 2], [30, 400, 150])
    return rng.standard_normal((580, 2)) * (1 + y[:, np.newaxis]) + 2 * y[:, np.newaxis], y


def test_same_seed_same_result(three):
    for key, value in class_areas(*three, max_samples=300, random_state=5).items():
        other = class_areas(*three, max_samples=300, random_state=5)[key]
        np.testing.assert_array_equal(value, other)
    different = class_areas(*three, max_samples=300, random_state=6)
    assert different.value != class_areas(*three, max_samples=300, random_state=5).value


@pytest.mark.parametrize("method", ["knn", "gaussian"])
def test_value_is_the_scalar(three, method):
    params = {"method": method, "target": "data", "max_samples": 300, "random_state": 1}
    assert class_area_imbalance(*three, **params) == class_areas(*three, **params).value


@pytest.mark.parametrize("max_samples", ["auto", 300])
def test_order_of_rows_does_not_matter(three, max_samples):
    codes, y = three
    order = np.random.RandomState(1).permutation(len(y))
    first, second = (
        class_areas(codes[rows], y[rows], max_samples=max_samples, random_state=0)
        for rows in (slice(None), order)
    )
    assert_same(first, second)


@pytest.mark.parametrize("max_samples", ["auto", 300])
def test_names_of_labels_do_not_matter(three, max_samples):
    codes, y = three
    first = class_areas(codes, y, max_samples=max_samples, random_state=0)
    for names in (np.array(["z", "m", "a"]), np.array([7.5, -1.0, 2.0])):
        second = class_areas(codes, names[y], max_samples=max_samples, random_state=0)
        back = np.searchsorted(second.classes, names)  # where class 0, 1, 2 went
        for key in ("area", "share", "share_low", "share_high", "log_volume_error"):
            np.testing.assert_allclose(first[key], second[key][back], err_msg=key)
        for key in ("value", "interval", "floor", "gini", "ratio", "ratio_interval"):
            np.testing.assert_allclose(first[key], second[key], err_msg=key)
        assert second.largest == names[first.largest]
        assert second.smallest == names[first.smallest]


def test_labels_as_objects(three):
    codes, y = three
    labels = np.array(["zero", "one", "two"], dtype=object)[y]
    result = class_areas(codes, labels.tolist(), n_resamples=0)
    assert result.classes.tolist() == ["one", "two", "zero"]
    assert result.value == pytest.approx(class_area_imbalance(codes, y))


@pytest.mark.parametrize("d", [2, 16])
def test_shares_are_invariant_to_similarity(d):
    rng = np.random.RandomState(0)
    codes, y = two_normals(rng, 100, 250, d)
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    first = class_areas(codes, y, max_samples=320, random_state=0)
    second = class_areas(50 * codes @ rotation - 7, y, max_samples=320, random_state=0)
    for key in ("value", "interval", "floor", "share", "share_low", "share_high", "ratio"):
        np.testing.assert_allclose(first[key], second[key], rtol=1e-6, err_msg=key)
    np.testing.assert_allclose(2500 * first.area, second.area, rtol=1e-6)


def test_float32(three):
    codes, y = three
    first, second = (
        class_areas(rows, y, random_state=0) for rows in (codes, codes.astype(np.float32))
    )
    assert_same(first, second, rtol=1e-3)


def test_subset_keeps_small_classes():
    codes, y = two_normals(np.random.RandomState(0), 150, 5000)
    full, subset = (
        class_areas(codes, y, max_samples=size, random_state=0) for size in ("auto", 1000)
    )
    assert subset.log_volume[0] == full.log_volume[0]  # all 150 are kept
    assert subset.log_volume[1] != full.log_volume[1]
    assert subset.value == pytest.approx(0.3, abs=0.06)
    assert subset.n_samples == 5150


def test_very_unequal_classes_stay_cheap():
    # The larger class takes 5 * 1950 = 9750 neighbours.
    codes, y = two_normals(np.random.RandomState(0), 10, 19_500)
    assert 0 < class_area_imbalance(codes, y) < 0.5


# Details.


def test_details(three):
    result = class_areas(*three, random_state=0)
    assert (result.metric, result.sampler, result.ideal) == ("class_area_imbalance", None, 0)
    assert (result.n_samples, result.n_components) == (580, 2)
    assert result.classes.tolist() == [0, 1, 2]
    np.testing.assert_allclose(result.area, np.exp(result.log_volume))  # d = 2
    np.testing.assert_allclose(result.share, result.area / result.area.sum())
    assert result.value == pytest.approx(np.abs(result.share - 1 / 3).sum() / 2)
    assert (result.largest, result.smallest) == (2, 0)
    assert result.ratio == pytest.approx(result.area.max() / result.area.min())
    assert result.ratio_interval[0] < result.ratio < result.ratio_interval[1]
    assert result.interval[0] < result.value < result.interval[1]
    assert ((result.share_low < result.share) & (result.share < result.share_high)).all()
    assert 1 < result.effective_classes < 3
    assert (result.log_volume_error > 0).all()
    assert result.log_volume_error[0] > 2 * result.log_volume_error[1]  # 30 codes, 400 codes
    assert result.dropped.size == 0


def test_no_resamples_no_interval(three):
    result = class_areas(*three, n_resamples=0)
    for key in ("interval", "floor", "share_low", "log_volume_error", "ratio_interval"):
        assert np.isnan(result[key]).all(), key


def test_confidence_level(three):
    narrow, wide = (
        np.ptp(class_areas(*three, confidence_level=level, random_state=0).interval)
        for level in (0.5, 0.99)
    )
    assert wide > 2 * narrow


def test_targets(three):
    codes, y = three
    share = class_areas(codes, y, n_resamples=0).share
    assert class_area_imbalance(codes, y, target=share) == pytest.approx(0, abs=1e-12)
    data = np.array([30, 400, 150]) / 580
    for target in ("data", data, 100 * data):
        value = class_area_imbalance(codes, y, target=target)
        assert value == pytest.approx(np.abs(share - data).sum() / 2)
    with_zero = class_areas(codes, y, target=[0, 1, 1], random_state=0)
    np.testing.assert_allclose(with_zero.target, [0, 0.5, 0.5])
    assert np.isfinite([with_zero.value, with_zero.floor, *with_zero.interval]).all()


def test_target_of_the_kept_classes():
    np.testing.assert_allclose(class_target("data", np.array([2, 6, 2]), [0, 1]), [0.25, 0.75])
    np.testing.assert_allclose(class_target([5, 1, 1], np.array([9, 9, 9]), [1, 2]), [0.5, 0.5])


def test_global_random_state_is_left_alone(three):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    class_areas(*three, n_resamples=2)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Bad input.


def test_classes_too_small_are_left_out(three):
    codes, y = three
    codes = np.vstack([codes, [[0, 0], [1, 1], [2, 0]]])
    labels = np.array(["a", "b", "c", "one", "two"])[np.r_[y, [3, 4, 4]]]
    with pytest.warns(
        UserWarning, match=r"Classes 'one' \(1 codes\), 'two' \(2 codes\) are left out: k=5 needs 6"
    ):
        result = class_areas(codes, labels, n_resamples=2, random_state=0)
    assert result.dropped.tolist() == ["one", "two"]
    assert result.classes.tolist() == ["a", "b", "c"]
    assert result.value == pytest.approx(class_area_imbalance(*three))


def test_gaussian_needs_more_codes_in_more_dimensions():
    rng = np.random.RandomState(0)
    y = np.repeat(["a", "b", "c"], [8, 7, 20])
    codes = rng.standard_normal((35, 3))
    assert class_areas(codes[:, :2], y, method="gaussian").dropped.size == 0
    with pytest.warns(UserWarning, match=r"'b' \(7 codes\) is left out: method='gaussian'"):
        result = class_areas(codes, y, method="gaussian")
    assert result.dropped.tolist() == ["b"]


def test_one_class(three):
    codes = three[0]
    with pytest.warns(UserWarning, match="'x' is the only class"):
        result = class_areas(codes, ["x"] * len(codes), random_state=0)
    assert np.isnan([result.value, result.floor, *result.interval]).all()
    assert result.area[0] > 0
    assert result.share.tolist() == [1]
    with pytest.warns(UserWarning, match="only class"):
        assert np.isnan(class_area_imbalance(codes, np.zeros(len(codes))))


def test_no_class_is_large_enough():
    codes = np.random.RandomState(0).standard_normal((30, 2))
    with pytest.raises(
        ValueError, match=r"No class in y has the 6 codes that k=5 needs. Got at most 3"
    ):
        class_areas(codes, np.arange(30) // 3)


def test_class_collapsed_to_one_point(three):
    codes, y = three
    codes = codes.copy()
    codes[y == 2] = 4
    with pytest.warns(UserWarning, match="Class 2 has collapsed to one point: its area is 0"):
        result = class_areas(codes, y, random_state=0)
    assert (result.area[2], result.share[2], result.smallest) == (0, 0, 2)
    assert result.ratio == np.inf
    assert 1 / 3 <= result.value <= 2 / 3
    assert np.isfinite([result.floor, *result.interval]).all()


def test_duplicates(three):
    codes, y = three
    codes = codes.copy()
    codes[30:50] = codes[30]
    with pytest.warns(UserWarning, match=r"Class 1 \(5% of its codes\) has k=5 duplicates"):
        value = class_area_imbalance(codes, y)
    assert value == pytest.approx(class_area_imbalance(*three), abs=0.1)


def test_class_on_a_line(three):
    codes, y = three
    codes = codes.copy()
    codes[y == 1, 1] = 2 * codes[y == 1, 0]
    for method in ("knn", "gaussian"):
        with pytest.warns(UserWarning, match="Class 1 lies in fewer than the 2 dimensions"):
            class_areas(codes, y, method=method, n_resamples=2)


def test_constant_axis_changes_nothing(three):
    codes, y = three
    flat = np.column_stack([codes[:, 0], np.full(len(y), 8.0), codes[:, 1]])
    with pytest.warns(UserWarning, match="constant along axis 1 of 3"):
        result = class_areas(flat, y, random_state=0)
    expected = class_areas(codes, y, random_state=0)
    assert result.n_components == 3
    for key in ("value", "area", "log_volume", "interval", "floor"):
        np.testing.assert_allclose(result[key], expected[key], err_msg=key)


def test_collapse():
    with pytest.raises(ValueError, match="collapsed to one point"):
        class_areas(np.ones((50, 2)), np.arange(50) % 2)


def test_not_finite(three):
    codes, y = three
    codes = codes.copy()
    codes[9, 1] = np.nan
    with pytest.raises(ValueError, match="row 9, column 1"):
        class_area_imbalance(codes, y)
    labels = y.astype(float)
    labels[4] = np.nan
    with pytest.raises(ValueError, match="y contains NaN"):
        class_area_imbalance(three[0], labels)


def test_few_rows(three):
    codes, y = three
    with pytest.raises(ValueError, match="minimum of 20"):
        class_areas(codes[:19], y[:19])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"k": 0}, ValueError, "k == 0"),
        ({"k": "5"}, TypeError, "k must be an instance of"),
        ({"method": "hull"}, ValueError, r"method must be one of .* Got 'hull'"),
        ({"target": "equal"}, ValueError, "target must be 'uniform', 'data' or.* Got 'equal'"),
        ({"target": [0.5, 0.5]}, ValueError, "for each of the 3 classes"),
        ({"target": [1, -1, 1]}, ValueError, "a share >= 0"),
        ({"target": [0, 0, 0]}, ValueError, "positive for at least one class"),
        ({"max_samples": 5}, ValueError, "max_samples == 5"),
        ({"max_samples": None}, TypeError, "max_samples must be an instance of"),
        ({"n_resamples": 1}, ValueError, "n_resamples must be 0"),
        ({"confidence_level": 95}, ValueError, "confidence_level == 95"),
    ],
)
def test_bad_parameters(three, params, error, message):
    with pytest.raises(error, match=message):
        class_areas(*three, **params)


def test_labels_of_the_wrong_length(three):
    with pytest.raises(ValueError, match=r"one label for each of the 580 codes. Got 579"):
        class_areas(three[0], three[1][:-1])
