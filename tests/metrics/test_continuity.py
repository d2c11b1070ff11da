import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skae.metrics._continuity import latent_continuity


def rotation(d, seed=0):
    return np.linalg.qr(np.random.RandomState(seed).standard_normal((d, d)))[0]


def wavy(z):
    return np.column_stack([np.tanh(3 * z[:, 0]), np.sin(2 * z[:, 1]), z.sum(axis=1)])


def cliff(z):
    return np.where(z[:, :1] > 0, 1.0, -1.0)


@pytest.fixture
def codes():
    return np.random.RandomState(0).standard_normal((600, 2)) * [1, 2]


@pytest.mark.parametrize("d", [2, 16, 64])
@pytest.mark.parametrize("sampler", ["resample", "box", "standard_normal"])
def test_similarity_has_rate_one_everywhere(d, sampler):
    rng = np.random.RandomState(0)
    codes = rng.standard_normal((400, d)) * np.geomspace(1, 10, d) + 3
    q = rotation(d)
    result = latent_continuity(lambda z: 7 * z @ q + 1, codes, sampler=sampler, random_state=0)
    np.testing.assert_allclose(result.rates, 1, rtol=1e-9)
    assert result.value == result.jump_fraction == result.floor == result.ideal == 0
    assert result.interval[0] == 0 < result.interval[1] < 0.02
    np.testing.assert_allclose(result.rate_rms_interval, 1, rtol=1e-9)
    np.testing.assert_allclose(result.unevenness, 1, rtol=1e-9)


def test_linear_stretch_has_known_rates():
    # R² = (9 cos² + sin²) · 2 / 10 for a direction at a uniform angle.
    codes = np.random.RandomState(0).standard_normal((20_000, 2))
    result = latent_continuity(lambda z: z * [3, 1], codes, n_draws=20_000, random_state=0)
    assert result.rate_rms == pytest.approx(1, abs=0.01)
    assert result.rate_max == pytest.approx(np.sqrt(9 / 5), rel=0.02)
    assert result.rates.min() == pytest.approx(np.sqrt(1 / 5), rel=0.03)
    assert result.rate_median == pytest.approx(1, abs=0.03)  # at 45°: R² = 1
    low, high = result.rate_rms_interval
    assert low < 1 < high


def test_buffon():
    # A needle of length ε, dropped into the unit square, crosses a line with probability 2ε/π.
    codes = np.random.RandomState(0).uniform(-0.5, 0.5, size=(20_000, 2))
    result = latent_continuity(cliff, codes, n_draws=100_000, random_state=0)
    assert result.step_length == pytest.approx(0.01 * np.sqrt(2 / 6), rel=0.02)
    wanted = 2 * result.step_length / np.pi
    assert result.value == pytest.approx(wanted, rel=0.15)
    assert result.interval[0] < wanted < result.interval[1]
    # Crossings move the output from -1 to 1, by √2 of its spread 2 / √2.
    assert result.rate_max == pytest.approx(np.sqrt(2) / 0.01, rel=0.01)
    assert result.rate_median == 0
    assert np.isnan(result.unevenness)


def test_buffon_at_a_longer_step_in_three_dimensions():
    # Here the mean of |cos| over directions is 1/2, on either side of the plane half of it.
    codes = np.random.RandomState(1).uniform(-0.5, 0.5, size=(20_000, 3))
    result = latent_continuity(cliff, codes, step=0.1, n_draws=50_000, random_state=0)
    assert result.value == pytest.approx(result.step_length / 2, rel=0.1)


def test_rate_of_a_curve_by_its_derivative():
    # g(z) = z², z uniform on [0, 1]: R = 2 z D_z / D_x, Var z² = 4/45.
    codes = np.random.RandomState(0).uniform(size=(20_000, 1))
    result = latent_continuity(np.square, codes, step=1e-4, n_draws=20_000, random_state=0)
    scale = np.sqrt((1 / 12) / (4 / 45))
    assert result.rate_rms == pytest.approx(2 / np.sqrt(3) * scale, rel=0.01)
    assert result.rate_median == pytest.approx(scale, rel=0.02)
    assert result.rate_q95 == pytest.approx(1.9 * scale, rel=0.01)
    assert result.unevenness == pytest.approx(1.9, rel=0.02)


def test_jump_and_step_are_those_asked_for():
    codes = np.random.RandomState(0).standard_normal((500, 2))
    results = [
        latent_continuity(wavy, codes, jump=jump, n_resamples=0, random_state=0)
        for jump in (0.5, 1, 1.5)
    ]
    for result in results:
        assert result.value == np.mean(result.rates > result.jump)
    assert results[0].value > results[1].value > results[2].value > 0
    short, long = (
        latent_continuity(wavy, codes, step=step, n_resamples=0, random_state=0)
        for step in (0.01, 0.02)
    )
    assert long.step_length == pytest.approx(2 * short.step_length)
    length = np.linalg.norm(long.neighbors - long.points, axis=1)
    np.testing.assert_allclose(length, long.step_length)


@pytest.mark.parametrize("sampler", ["resample", "interpolate"])
def test_latent_similarity_changes_nothing(codes, sampler):
    q = rotation(2)
    moved = 700 * codes @ q + 1000
    results = [
        latent_continuity(wavy, codes, sampler=sampler, random_state=0),
        latent_continuity(
            lambda z: wavy((z - 1000) @ q.T / 700), moved, sampler=sampler, random_state=0
        ),
    ]
    np.testing.assert_allclose(results[0].rates, results[1].rates, rtol=1e-6)
    np.testing.assert_allclose(results[0].interval, results[1].interval, rtol=1e-6)
    np.testing.assert_allclose(
        results[0].rate_rms_interval, results[1].rate_rms_interval, rtol=1e-6
    )
    np.testing.assert_allclose(700 * results[0].neighbors @ q + 1000, results[1].neighbors)


def test_output_similarity_changes_nothing(codes):
    q = rotation(3)
    results = [
        latent_continuity(decode, codes, random_state=0)
        for decode in (wavy, lambda z: 0.01 * wavy(z) @ q - 50)
    ]
    np.testing.assert_allclose(results[0].rates, results[1].rates, rtol=1e-6)
    assert results[0].interval == results[1].interval


def test_latent_stretch_does_change_rates(codes):
    stretched = latent_continuity(lambda z: wavy(z / [1, 9]), codes * [1, 9], random_state=0)
    assert abs(stretched.rate_rms - latent_continuity(wavy, codes, random_state=0).rate_rms) > 0.1


def test_same_seed_same_numbers_in_any_order_of_rows(codes):
    y = (codes[:, 0] > 0).astype(int)
    options = {"X": wavy(codes), "random_state": 3}
    first = latent_continuity(wavy, codes, y, **options)
    again = latent_continuity(wavy, codes, y, **options)
    order = np.random.RandomState(1).permutation(len(codes))
    options["X"] = options["X"][order]
    permuted = latent_continuity(wavy, codes[order], y[order], **options)
    names = latent_continuity(wavy, codes[order], np.array(["z", "a"])[y[order]], **options)
    other = latent_continuity(wavy, codes, y, X=wavy(codes), random_state=4)
    assert first.keys() == again.keys()
    for field, value in first.items():
        np.testing.assert_array_equal(value, again[field], err_msg=field)
        if field not in ("metric", "sampler"):
            np.testing.assert_allclose(value, permuted[field], rtol=1e-12, err_msg=field)
    assert names.label_flip_rate == first.label_flip_rate
    assert other.rate_rms != first.rate_rms


def test_global_random_state_stays_as_found(codes):
    before = np.random.get_state()[1].copy()
    latent_continuity(wavy, codes)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_float32_lists_and_frames(codes):
    wanted = latent_continuity(wavy, codes, random_state=0)
    single = latent_continuity(
        lambda z: wavy(z).astype(np.float32), codes.astype(np.float32), random_state=0
    )
    assert single.rate_rms == pytest.approx(wanted.rate_rms, rel=1e-3)
    assert single.value == pytest.approx(wanted.value, abs=1e-3)
    frame = latent_continuity(
        lambda z: pd.DataFrame(wavy(z), columns=list("abc")), pd.DataFrame(codes), random_state=0
    )
    listed = latent_continuity(lambda z: wavy(z).tolist(), codes.tolist(), random_state=0)
    assert frame.rate_rms == listed.rate_rms == wanted.rate_rms


def test_decoder_that_works_in_place(codes):
    def decode(z):
        z *= 2
        return z

    result = latent_continuity(decode, codes, random_state=0)
    np.testing.assert_allclose(result.rates, 1, rtol=1e-9)


def test_points_are_the_samplers():
    codes = np.random.RandomState(0).uniform(-1, 1, size=(300, 2))
    resampled = latent_continuity(cliff, codes, random_state=0)
    assert {tuple(point) for point in resampled.points} <= {tuple(code) for code in codes}
    given = np.array([[0.0, 0.0], [0.5, 0.5], [1e-4, 0.3]])
    result = latent_continuity(cliff, codes, sampler=given, random_state=0)
    np.testing.assert_array_equal(result.points, given)
    assert (result.sampler, len(result.rates)) == ("array", 3)
    assert result.rates[1] == 0
    box = latent_continuity(cliff, codes, sampler="box", n_draws=77, random_state=0)
    assert box.points.shape == box.neighbors.shape == (77, 2)
    assert box.sampler == "box"


def test_fields(codes):
    result = latent_continuity(wavy, codes, random_state=0)
    assert result.metric == "latent_continuity"
    assert result.value == result.jump_fraction
    assert (result.n_samples, result.n_components) == (600, 2)
    assert (result.step, result.jump) == (0.01, 5.0)
    assert result.label_flip_rate is None
    assert result.rate_max == result.rates.max()
    assert result.unevenness == result.rate_q95 / result.rate_median
    steepest = result.rates.argmax()
    ends = wavy(result.points[[steepest]]), wavy(result.neighbors[[steepest]])
    spread = np.sqrt(2 * wavy(codes).var(axis=0).sum())
    assert np.linalg.norm(ends[1] - ends[0]) / spread / 0.01 == pytest.approx(result.rate_max)


def test_no_resamples_no_intervals(codes):
    quick = latent_continuity(wavy, codes, n_resamples=0, random_state=0)
    full = latent_continuity(wavy, codes, random_state=0)
    assert np.isnan([*quick.interval, *quick.rate_rms_interval]).all()
    assert quick.value == full.value
    np.testing.assert_array_equal(quick.rates, full.rates)


def test_intervals_narrow_with_draws_and_level(codes):
    def width(**options):
        result = latent_continuity(wavy, codes, jump=1, random_state=0, **options)
        return np.ptp(result.interval)

    assert width(n_draws=100) > 1.5 * width(n_draws=5000)
    assert width(confidence_level=0.5) < 0.5 * width()


def test_interval_counts_codes_not_draws():
    # However many draws, 100 codes leave a share of steps above a rate uncertain.
    codes = np.random.RandomState(0).standard_normal((100, 2))
    result = latent_continuity(wavy, codes, jump=1, n_draws=50_000, random_state=0)
    p = result.value
    assert np.ptp(result.interval) > 0.8 * 2 * 1.96 * np.sqrt(p * (1 - p) / 100)


def test_label_flips():
    codes = np.random.RandomState(0).uniform(-1, 1, size=(2000, 2))
    y = np.where(codes[:, 0] > 0, "right", "left")
    options = {"n_draws": 5000, "step": 0.05, "random_state": 0}
    result = latent_continuity(lambda z: 2 * z, codes, y, X=2 * codes, **options)
    # Buffon's needle again, on a square of width 2; the classes are told apart by rows.
    assert result.label_flip_rate == pytest.approx(result.step_length / np.pi, rel=0.15)
    fitted = DecisionTreeClassifier(max_depth=1).fit(2 * codes, y)
    unfitted = DecisionTreeClassifier(max_depth=1)
    rates = [
        latent_continuity(lambda z: 2 * z, codes, classifier=fitted, **options),
        latent_continuity(lambda z: 2 * z, codes, y, X=2 * codes, classifier=unfitted, **options),
    ]
    assert rates[0].label_flip_rate == rates[1].label_flip_rate > 0
    assert not hasattr(unfitted, "tree_")
    assert result.value == rates[0].value


def test_classifier_that_is_no_estimator(codes):
    class Sign:
        def predict(self, X):
            return X[:, 0] > 0

    assert latent_continuity(wavy, codes, classifier=Sign(), random_state=0).label_flip_rate > 0


def test_many_codes_are_capped(monkeypatch):
    monkeypatch.setattr("skae.metrics._continuity.MAX_SPREAD_ROWS", 500)
    codes = np.random.RandomState(0).standard_normal((3000, 2))
    sizes = []

    def decode(z):
        sizes.append(len(z))
        return 3 * z

    result = latent_continuity(decode, codes, n_draws=50, random_state=0)
    assert sizes == [500, 50, 50]
    np.testing.assert_allclose(result.rates, 1, rtol=1e-9)


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (lambda z: np.full((len(z), 3), np.nan), "decode contains NaN"),
        (lambda z: abs(z) / 0.0 if len(z) == 50 else z, "decode contains infinity"),
        (lambda z: z[1:], r"decode must return .* \(600, n_features\).*Got shape \(599, 2\)"),
        (lambda z: z[:, 0], r"decode must return .*Got shape \(600,\)"),
        (lambda z: None, r"decode must return .*Got shape \(\)"),
        (lambda z: np.full((len(z), 3), 0.1), "decode returns the same row for all codes"),
    ],
)
def test_bad_decoders(codes, decode, message):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=message):
        latent_continuity(decode, codes, n_draws=50)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"step": 0.0}, ValueError, "step"),
        ({"step": "1"}, TypeError, "step"),
        ({"jump": -1.0}, ValueError, "jump"),
        ({"n_draws": 0}, ValueError, "n_draws"),
        ({"n_resamples": -1}, ValueError, "n_resamples"),
        ({"n_resamples": 1}, ValueError, "n_resamples must be 0"),
        ({"confidence_level": 1.0}, ValueError, "confidence_level"),
        ({"sampler": "nonsense"}, ValueError, "sampler must be one of"),
        ({"sampler": np.zeros((5, 3))}, ValueError, "sampler must give draws"),
        ({"y": np.zeros(3)}, ValueError, "y must have one label for each of the 600 codes"),
        ({"X": np.zeros((3, 2))}, ValueError, "X must have one row for each of the 600 codes"),
        ({"classifier": KNeighborsClassifier()}, ValueError, "not fitted: fit it, or pass X and y"),
        ({"classifier": "tree"}, TypeError, "classifier must have the method predict"),
    ],
)
def test_bad_arguments(codes, options, error, message):
    with pytest.raises(error, match=message):
        latent_continuity(wavy, codes, **options)


def test_bad_codes(codes):
    codes[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"X_latent contains NaN.*row 7, column 1"):
        latent_continuity(wavy, codes)
    with pytest.raises(ValueError, match="collapsed"):
        latent_continuity(wavy, np.ones((50, 2)))
    with pytest.warns(UserWarning, match="constant along axis 1"):
        latent_continuity(cliff, np.c_[codes[:, 0], np.ones(600)], random_state=0)


@pytest.mark.parametrize("n", [2, 3, 19])
def test_few_codes_are_warned_of(n):
    codes = np.random.RandomState(0).standard_normal((n, 2))
    with pytest.warns(UserWarning, match=f"X_latent has {n} rows only"):
        result = latent_continuity(lambda z: 2 * z, codes, random_state=0)
    np.testing.assert_allclose(result.rates, 1)
