"""Classes that draws land on: layouts of known shares, decoders, invariances, bad input."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skae.metrics._sampled_classes import sampled_class_imbalance, sampled_classes
from skae.metrics._support import latent_gaps


def ball(rng, n, d=2, radius=1.0):
    """Uniform points of a ball."""
    direction = rng.standard_normal((n, d))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * direction * rng.uniform(size=(n, 1)) ** (1 / d)


def thirds(rng, n, d=2):
    """The left third of a box and its right two thirds, with equally many codes."""
    codes, y = rng.uniform(size=(n, d)), np.repeat(["left", "right"], n // 2)
    codes[:, 0] = np.where(y == "left", codes[:, 0], 1 + 2 * codes[:, 0])
    return codes, y


@pytest.fixture
def three():
    """Three overlapping classes of unequal sizes and areas."""
    rng = np.random.RandomState(0)
    y = np.repeat([0, 1, 2], [60, 300, 140])
    return rng.standard_normal((500, 2)) * (1 + y[:, np.newaxis]) + 2 * y[:, np.newaxis], y


# Oracles.


def test_discs_in_a_box():
    rng = np.random.RandomState(0)
    codes = np.vstack([ball(rng, 2000) - [2, 0], ball(rng, 2000, radius=2) - [-2, 0]])
    draws = rng.uniform([-4, -2], [4, 2], size=(20_000, 2))
    result = sampled_classes(codes, np.repeat(["a", "b"], 2000), sampler=draws, n_resamples=0)
    np.testing.assert_allclose(result.share, [np.pi / 32, 4 * np.pi / 32], atol=0.03)
    assert result.share.sum() + result.unsupported == pytest.approx(1)
    assert result.territory.sum() == pytest.approx(1)
    np.testing.assert_allclose(result.conditional_share, [0.2, 0.8], atol=0.02)


def test_unequal_halves_of_a_box():
    codes, y = thirds(np.random.RandomState(0), 4000)
    assert sampled_class_imbalance(codes, y, n_draws=20_000, random_state=1) == pytest.approx(
        1 / 6, abs=0.012
    )


@pytest.mark.parametrize("d", [2, 16, 64, 128])
def test_shares_of_the_draws_themselves(d):
    rng = np.random.RandomState(0)
    codes, draws = rng.standard_normal((600, d)), rng.standard_normal((2000, d))
    codes[300:] += 20
    draws[600:] += 20
    result = sampled_classes(codes, np.repeat([4, 9], 300), sampler=draws, n_resamples=0)
    np.testing.assert_allclose(result.territory, [0.3, 0.7])
    assert result.value == pytest.approx(0.2)


@pytest.mark.parametrize("n_classes", [3, 10])
def test_sectors_of_a_disc(n_classes):
    # Sector c has the angle (c + 1) / Σ (c + 1) of the full one.
    rng = np.random.RandomState(0)
    wanted = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    codes, draws = ball(rng, 5000), ball(rng, 10_000)
    angle = np.arctan2(codes[:, 1], codes[:, 0]) / (2 * np.pi) % 1
    y = np.searchsorted(np.cumsum(wanted)[:-1], angle)
    result = sampled_classes(codes, y, sampler=draws, n_resamples=0)
    np.testing.assert_allclose(result.territory, wanted, atol=0.02)
    assert result.value == pytest.approx(np.abs(wanted - 1 / n_classes).sum() / 2, abs=0.02)
    assert sampled_class_imbalance(codes, y, sampler=draws, target=wanted) < 0.03
    assert sampled_class_imbalance(codes, y, sampler=draws, target="data") < 0.03


def test_codes_themselves_land_on_their_own_class():
    codes, y = thirds(np.random.RandomState(0), 600)
    codes += np.where(y == "left", 0, 10)[:, np.newaxis]
    result = sampled_classes(codes, y, sampler=codes, n_resamples=0)
    np.testing.assert_array_equal(result.classes[result.draw_classes], y)
    assert result.value == 0


def test_vote_by_hand():
    # About 0 on a line: a at 1, b at -2 and 3; far from them 30 codes of c.
    codes = np.r_[1.0, -2, 3, 100 + np.arange(30)][:, np.newaxis]
    y = ["a", "b", "b"] + 30 * ["c"]

    def landing(k):
        return sampled_classes(codes, y, sampler=[[0.0]], k=k, n_resamples=0).draw_classes[0]

    with pytest.warns(UserWarning, match=r"Class 'a' \(1 codes\) is a minority of any k=3"):
        assert landing(3) == 1  # b has two votes
    assert landing(1) == 0
    with pytest.warns(UserWarning, match=r"Class 'a' \(1 codes\) is a minority of any k=2"):
        assert landing(2) == 0  # one each, and a is nearer


def test_intervals_and_floor():
    held, above = [], []
    for seed in range(25):
        rng = np.random.RandomState(seed)
        codes, y = thirds(rng, 500)
        draws = rng.uniform(size=(2000, 2)) * [3, 1]
        result = sampled_classes(codes, y, sampler=draws, n_resamples=10, random_state=seed)
        held.append(result.interval[0] <= 1 / 6 <= result.interval[1])
        assert result.value > result.floor
        even = rng.uniform(size=(500, 2)) * [3, 1]
        halves = (even[:, 0] > 1.5).astype(int)
        balanced = sampled_classes(even, halves, sampler=draws, n_resamples=10, random_state=seed)
        above.append(balanced.value > balanced.floor)
    assert np.mean(held) > 0.7  # a bias of the vote towards denser classes
    assert np.mean(above) < 0.2


# Decoders.


def test_decoded_classes_of_a_decoder_that_changes_nothing():
    codes, y = thirds(np.random.RandomState(0), 1000)
    result = sampled_classes(codes, y, X=codes, decode=lambda rows: rows, n_resamples=0)
    np.testing.assert_allclose(result.decoded, result.territory, atol=0.01)
    assert result.decoded_imbalance == pytest.approx(result.value, abs=0.01)


def test_decoded_classes_of_a_decoder_that_sees_one_class():
    codes, y = thirds(np.random.RandomState(0), 400)
    result = sampled_classes(codes, y, X=codes, decode=lambda rows: 0 * rows, n_resamples=0)
    assert result.decoded.tolist() == [1, 0]
    assert result.decoded_imbalance == 0.5
    plain = sampled_classes(codes, y, n_resamples=0)
    assert plain.decoded is None
    assert plain.decoded_imbalance is None


@pytest.mark.parametrize("labels", [["left", "right"], [3, 1], [5.0, -2.0]])
def test_classifiers(labels):
    codes, y = thirds(np.random.RandomState(0), 600)
    y = np.array(labels)[(y == "right").astype(int)]
    X = np.column_stack([codes, codes**2])

    def decode(rows):
        return np.column_stack([rows, rows**2])

    fitted = KNeighborsClassifier(1).fit(X, y)
    for classifier in (None, fitted, KNeighborsClassifier(1), LogisticRegression()):
        result = sampled_classes(
            codes, y, X=X, decode=decode, classifier=classifier, n_draws=2000, n_resamples=0
        )
        np.testing.assert_allclose(result.decoded, result.territory, atol=0.05)
    without_rows = sampled_classes(codes, y, decode=decode, classifier=fitted, n_resamples=0)
    assert without_rows.decoded.sum() == pytest.approx(1)


def test_labels_of_objects_meet_those_of_the_classifier():
    codes, y = thirds(np.random.RandomState(0), 300)
    labels = y.astype(object)
    classifier = KNeighborsClassifier(1).fit(codes, labels)
    result = sampled_classes(
        codes, labels, decode=lambda rows: rows, classifier=classifier, n_resamples=0
    )
    np.testing.assert_allclose(result.decoded, result.territory, atol=0.03)


# What the numbers do not depend on.


SAME = ("value", "interval", "floor", "unsupported")


@pytest.mark.parametrize("sampler", ["box", "gmm", "interpolate"])
def test_same_seed_same_result(three, sampler):
    first, second, other = (
        sampled_classes(*three, sampler=sampler, n_draws=500, n_resamples=3, random_state=seed)
        for seed in (2, 2, 3)
    )
    for key, value in first.items():
        np.testing.assert_array_equal(value, second[key])
    assert not np.array_equal(first.draws, other.draws)


def test_value_is_the_scalar(three):
    params = {"n_draws": 700, "max_samples": 200, "target": "data", "random_state": 1}
    result = sampled_classes(*three, alpha=0.2, n_resamples=3, **params)
    assert sampled_class_imbalance(*three, **params) == result.value


def test_draws_and_support_are_those_of_the_gaps(three):
    codes, y = three
    params = {"n_draws": 700, "max_samples": 200, "n_resamples": 0, "random_state": 1}
    result, gaps = sampled_classes(codes, y, **params), latent_gaps(codes, **params)
    np.testing.assert_array_equal(result.draws, gaps.draws)
    np.testing.assert_array_equal(result.supported, gaps.supported)
    assert result.unsupported == gaps.unsupported


@pytest.mark.parametrize("max_samples", ["auto", 200])
def test_order_of_rows_does_not_matter(three, max_samples):
    codes, y = three
    order = np.random.RandomState(1).permutation(len(y))
    first, second = (
        sampled_classes(
            codes[rows],
            y[rows],
            sampler="interpolate",
            X=codes[rows],
            decode=lambda points: points,
            n_draws=500,
            max_samples=max_samples,
            n_resamples=3,
            random_state=0,
        )
        for rows in (slice(None), order)
    )
    for key in (*SAME, "territory", "share", "decoded"):
        np.testing.assert_allclose(first[key], second[key], atol=1e-9, err_msg=key)


@pytest.mark.parametrize("target", ["uniform", "data"])
def test_names_of_labels_do_not_matter(three, target):
    codes, y = three
    params = {"target": target, "n_draws": 500, "n_resamples": 3, "random_state": 0}
    first = sampled_classes(codes, y, **params)
    names = np.array(["z", "m", "a"])
    second = sampled_classes(codes, names[y], **params)
    assert second.classes.tolist() == ["a", "m", "z"]
    for key in SAME:
        np.testing.assert_allclose(first[key], second[key], err_msg=key)
    for key in ("territory", "share", "conditional_share", "target"):
        np.testing.assert_allclose(first[key], second[key][::-1], err_msg=key)
    np.testing.assert_array_equal(names[first.draw_classes], second.classes[second.draw_classes])


@pytest.mark.parametrize("d", [2, 16])
def test_similarity_of_codes_and_draws_changes_nothing(d):
    rng = np.random.RandomState(0)
    codes, y = thirds(rng, 400, d)
    draws, rotation = rng.uniform(size=(600, d)) * 2, np.linalg.qr(rng.standard_normal((d, d)))[0]
    params = {"max_samples": 300, "n_resamples": 3, "random_state": 0}
    first = sampled_classes(codes, y, sampler=draws, **params)
    second = sampled_classes(
        50 * codes @ rotation - 7, y, sampler=50 * draws @ rotation - 7, **params
    )
    for key in (*SAME, "territory", "share"):
        np.testing.assert_allclose(first[key], second[key], atol=1e-6, err_msg=key)


def test_float32(three):
    codes, y = three
    first, second = (
        sampled_classes(rows, y, n_resamples=3, random_state=0)
        for rows in (codes, codes.astype(np.float32))
    )
    for key in (*SAME, "territory", "share"):
        np.testing.assert_allclose(first[key], second[key], atol=1e-3, err_msg=key)


# Details.


def test_details(three):
    result = sampled_classes(*three, n_draws=3000, random_state=0)
    assert (result.metric, result.sampler, result.ideal) == ("sampled_class_imbalance", "box", 0)
    assert (result.n_samples, result.n_components) == (500, 2)
    assert result.classes.tolist() == [0, 1, 2]
    assert result.draws.shape == (3000, 2)
    np.testing.assert_allclose(result.territory, np.bincount(result.draw_classes) / 3000)
    share = np.bincount(result.draw_classes[result.supported], minlength=3) / 3000
    np.testing.assert_allclose(result.share, share)
    np.testing.assert_allclose(result.conditional_share, share / share.sum())
    assert result.share.sum() + result.unsupported == pytest.approx(1)
    assert result.value == pytest.approx(np.abs(result.territory - 1 / 3).sum() / 2)
    assert 0 < result.interval[0] < result.value < result.interval[1] < 2 / 3
    assert 0 < result.floor < 0.2


def test_targets(three):
    codes, y = three
    result = sampled_classes(codes, y, target="data", random_state=0)
    np.testing.assert_allclose(result.target, [0.12, 0.6, 0.28])
    assert result.value == pytest.approx(np.abs(result.territory - result.target).sum() / 2)
    assert np.isfinite([result.floor, *result.interval]).all()
    given = sampled_classes(codes, y, target=[12, 60, 28], random_state=0)
    assert given.value == pytest.approx(result.value)


def test_few_draws_widen_the_interval(three):
    few, many = (
        np.ptp(sampled_classes(*three, n_draws=n_draws, random_state=0).interval)
        for n_draws in (50, 5000)
    )
    assert few > 1.5 * many


def test_no_resamples_no_interval(three):
    result = sampled_classes(*three, n_resamples=0)
    assert np.isnan([*result.interval, result.floor]).all()


def test_no_supported_draws(three):
    result = sampled_classes(*three, sampler=[[1e3, 0.0], [0.0, 1e3]], n_resamples=0)
    assert result.unsupported == 1
    assert np.isnan(result.conditional_share).all()
    assert result.share.sum() == 0
    assert result.territory.sum() == pytest.approx(1)


def test_global_random_state_is_left_alone(three):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    sampled_classes(*three, n_resamples=2, n_draws=100, sampler="gmm")
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Bad input.


def test_one_class(three):
    codes = three[0]
    with pytest.warns(UserWarning, match="'x' is the only class"):
        result = sampled_classes(codes, ["x"] * len(codes), random_state=0)
    assert np.isnan([result.value, result.floor, *result.interval]).all()
    assert result.territory.tolist() == [1]


def test_many_duplicates():
    rng = np.random.RandomState(0)
    codes, y = rng.standard_normal((30_000, 2)), np.repeat([0, 1, 2], 10_000)
    codes[y == 1] = 5
    result = sampled_classes(codes, y, sampler="resample", n_resamples=2, random_state=0)
    assert result.territory[1] == pytest.approx(1 / 3, abs=0.02)


def test_constant_axis(three):
    codes, y = three
    flat = np.column_stack([codes, np.zeros(len(y))])
    draws = np.column_stack([codes, np.zeros(len(y))])
    with pytest.warns(UserWarning, match="constant along axis 2 of 3"):
        value = sampled_class_imbalance(flat, y, sampler=draws)
    assert value == sampled_class_imbalance(codes, y, sampler=codes)


def test_few_rows(three):
    codes, y = three
    with (
        pytest.warns(UserWarning, match="X_latent has 15 rows only"),
        pytest.warns(UserWarning, match="alpha=0.05 of 15 codes"),
    ):
        result = sampled_classes(codes[::34], y[::34], k=3, n_resamples=2, random_state=0)
    assert result.territory.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="minimum of 6"):
        sampled_classes(codes[:5], y[:5])


def test_collapse():
    with pytest.raises(ValueError, match="collapsed to one point"):
        sampled_class_imbalance(np.ones((50, 2)), np.arange(50) % 2)


def test_not_finite(three):
    codes, y = three
    codes = codes.copy()
    codes[9, 1] = np.inf
    with pytest.raises(ValueError, match="row 9, column 1"):
        sampled_class_imbalance(codes, y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"k": 0}, ValueError, "k == 0"),
        ({"alpha": 2}, ValueError, "alpha == 2"),
        ({"n_draws": 1.5}, TypeError, "n_draws must be an instance of"),
        ({"target": "equal"}, ValueError, "Got 'equal'"),
        ({"target": [1, 1]}, ValueError, "each of the 3 classes"),
        ({"sampler": "cube"}, ValueError, "Got 'cube'"),
        ({"sampler": np.zeros((4, 5))}, ValueError, r"Got shape \(4, 5\)"),
        ({"max_samples": 0}, ValueError, "max_samples == 0"),
        ({"n_resamples": 1}, ValueError, "n_resamples must be 0"),
        ({"decode": lambda rows: rows}, ValueError, "decode needs a classifier"),
        ({"decode": lambda rows: rows, "X": np.zeros((4, 2))}, ValueError, "X must have one row"),
    ],
)
def test_bad_parameters(three, params, error, message):
    with pytest.raises(error, match=message):
        sampled_classes(*three, **params)


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (lambda rows: rows[:-1], r"decode must return .* Got shape \(9999, 2\)"),
        (lambda rows: rows[:, 0], r"decode must return .* Got shape \(10000,\)"),
        (lambda rows: rows * np.nan, "decode contains NaN"),
    ],
)
def test_bad_decoders(three, decode, message):
    with pytest.raises(ValueError, match=message):
        sampled_classes(*three, X=three[0], decode=decode)


def test_classifier_of_other_labels(three):
    codes, y = three
    other = KNeighborsClassifier().fit(codes, y + 1)
    with pytest.raises(
        ValueError, match=r"classifier must predict labels that are in y. Got \[3\]"
    ):
        sampled_classes(codes, y, decode=lambda rows: rows, classifier=other)


def test_labels_of_the_wrong_length(three):
    with pytest.raises(ValueError, match="one label for each of the 500 codes"):
        sampled_class_imbalance(three[0], three[1][1:])
