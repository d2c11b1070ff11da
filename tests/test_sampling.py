"""Latent laws: each against what it claims to be."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import LatentSupport
from skae.sampling import (
    LATENT_SAMPLERS,
    ClassConditionalDensity,
    draw,
    draw_supported,
    fit_latent_sampler,
)

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


LABELLED = np.repeat(["low", "high", "rare"], [90, 60, 2])
BLOBS = np.repeat([[0.0], [8.0], [4.0]], [90, 60, 2], axis=0) + RNG.standard_normal((152, 5))


@pytest.fixture(scope="module")
def by_class():
    """An estimator that draws by class; linear, so that the blobs stay apart."""
    est = AutoencoderTransformer(
        hidden_layer_sizes=(), max_iter=5, tol=1e9, n_iter_no_change=1,
        latent_sampler="class_conditional", random_state=0,
    )  # fmt: skip
    return est.fit(BLOBS, LABELLED)


def test_rows_are_of_the_classes_asked_for(by_class):
    wanted = np.random.RandomState(0).choice(["low", "high"], 300)
    rows = by_class.sample(300, y=wanted, random_state=0)
    found = KNeighborsClassifier(5).fit(BLOBS, LABELLED).predict(rows)
    assert (found == wanted).mean() > 0.99
    assert by_class.sample(3, y="rare", random_state=0).mean() == pytest.approx(4, abs=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_digits_are_of_the_classes_asked_for():
    X, y = load_digits(return_X_y=True)
    est = AutoencoderTransformer(
        8, hidden_layer_sizes=64, max_iter=20, latent_sampler="class_conditional", random_state=0
    ).fit(X[:1000], y[:1000])  # fmt: skip
    wanted = np.repeat(np.arange(10), 30)
    found = (
        KNeighborsClassifier(5)
        .fit(X[1000:], y[1000:])
        .predict(est.sample(300, y=wanted, random_state=0))
    )
    assert (found == wanted).mean() > 0.85


def test_without_y_classes_come_by_their_frequency(by_class):
    rows = by_class.sample(2000, random_state=0)
    assert (rows.mean(axis=1) > 4.5).mean() == pytest.approx(60 / 152, abs=0.04)


def test_weights_count_for_the_classes():
    weights = np.where(LABELLED == "high", 6.0, 1.0)
    est = AutoencoderTransformer(
        hidden_layer_sizes=(), max_iter=2, tol=1e9, n_iter_no_change=1,
        latent_sampler="class_conditional", random_state=0,
    ).fit(BLOBS, LABELLED, sample_weight=weights)  # fmt: skip
    share = est.latent_sampler_.class_prior_[list(est.latent_sampler_.classes_).index("high")]
    assert share == pytest.approx(360 / 452, abs=0.1)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}], ids=["all rows", "held-out"])
def test_labels_go_with_their_codes(options, quick):
    """Rows that are held out, and rows of weight zero, leave with their labels."""
    est = quick(latent_sampler="class_conditional", tol=1e9, n_iter_no_change=1, **options).fit(
        BLOBS, LABELLED, sample_weight=np.where(LABELLED == "rare", 0.0, 1.0)
    )
    assert list(est.latent_sampler_.classes_) == ["high", "low"]
    low, high = (est.sample(20, y=label, random_state=0).mean() for label in ("low", "high"))
    assert low < 4 < high


def test_partial_fit_takes_labels(quick):
    est = quick(latent_sampler="class_conditional").partial_fit(BLOBS, LABELLED)
    assert len(est.latent_sampler_.classes_) == 3
    est.partial_fit(BLOBS[:150], LABELLED[:150])
    assert len(est.latent_sampler_.classes_) == 2


@pytest.mark.parametrize("y", [None, BLOBS[:, 0], BLOBS], ids=["none", "continuous", "columns"])
def test_without_labels_there_are_no_classes(y, quick):
    est = quick(latent_sampler="class_conditional", tol=1e9, n_iter_no_change=1).fit(BLOBS, y)
    same = quick(latent_sampler="gmm", tol=1e9, n_iter_no_change=1).fit(BLOBS)
    assert est.latent_sampler_.classes_ is None
    points = est.transform(BLOBS)
    np.testing.assert_allclose(
        est.latent_sampler_.score_samples(points), same.latent_sampler_.score_samples(points)
    )
    with pytest.raises(ValueError, match="no class labels were given to fit"):
        est.sample(2, y="low")


def test_errors_of_labels(by_class, quick):
    with pytest.raises(ValueError, match=r"\['high', 'low', 'rare'\]. Got 'new' instead"):
        by_class.sample(2, y="new")
    with pytest.raises(ValueError, match="n_samples=2 draws"):
        by_class.sample(2, y=["low"])
    with pytest.raises(ValueError, match="each of 152 rows"):
        clone(by_class).fit(BLOBS, LABELLED[:-1])
    est = quick(tol=1e9, n_iter_no_change=1).fit(BLOBS, LABELLED)
    with pytest.raises(ValueError, match="latent_sampler='class_conditional'"):
        est.sample(2, y="low")


def test_other_laws_ignore_y(quick):
    """No check, no change: y may be anything."""
    plain, given = (quick(tol=1e9, n_iter_no_change=1).fit(BLOBS, y) for y in (None, "no labels"))
    np.testing.assert_array_equal(given.sample(3, random_state=0), plain.sample(3, random_state=0))


def test_a_density_of_classes_may_be_given_as_an_estimator(quick):
    est = quick(latent_sampler=ClassConditionalDensity(), tol=1e9, n_iter_no_change=1)
    named = quick(latent_sampler="class_conditional", tol=1e9, n_iter_no_change=1)
    draws = [e.fit(BLOBS, LABELLED).sample(5, y="low", random_state=0) for e in (est, named)]
    np.testing.assert_array_equal(*draws)


def test_classes_in_pipelines_pickles_and_clones(by_class):
    pipe = make_pipeline(StandardScaler(), clone(by_class)).fit(BLOBS, LABELLED)
    rows = pipe[-1].sample(5, y="high", random_state=0)
    assert rows.shape == (5, 5)
    again = pickle.loads(pickle.dumps(pipe))[-1].sample(5, y="high", random_state=0)
    np.testing.assert_array_equal(rows, again)


@pytest.fixture(scope="module")
def two_clumps():
    """An estimator that draws from a box, most of which is a gap."""
    est = AutoencoderTransformer(
        hidden_layer_sizes=(), max_iter=2, tol=1e9, n_iter_no_change=1, latent_sampler="box",
        random_state=0,
    )  # fmt: skip
    return est.fit(BLOBS[:150])


def test_supported_draws_are_supported(two_clumps):
    """The model is linear: codes are got back from rows."""
    shares = []
    for supported_only in (False, True):
        rows = two_clumps.sample(400, supported_only=supported_only, random_state=0)
        codes = two_clumps.transform(rows)
        shares.append((two_clumps.latent_support_.predict(codes) == 1).mean())
    assert shares[0] < 0.6
    assert shares[1] > 0.99


def test_supported_draws_are_seeded(two_clumps):
    first, again, other = (
        two_clumps.sample(5, supported_only=True, random_state=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_support_knows_all_codes_whatever_their_weights(quick):
    """Codes that count often are drawn often; their copies would have neighbours at distance 0."""
    weights = np.where(np.arange(150) < 15, 100.0, 1.0)
    est = quick(tol=1e9, n_iter_no_change=1).fit(BLOBS[:150], sample_weight=weights)
    assert est.latent_support_.radius_ > 0


def test_rejection_keeps_the_classes(by_class):
    wanted = np.repeat(["low", "high"], 150)
    rows = by_class.sample(300, y=wanted, supported_only=True, random_state=0)
    found = KNeighborsClassifier(5).fit(BLOBS, LABELLED).predict(rows)
    assert (found == wanted).mean() > 0.99


def test_rejection_gives_up(by_class):
    law = fit_latent_sampler("standard_normal", CODES, 0)
    support = LatentSupport().fit(CODES + 100)
    message = (
        r"Only 0 of 3 draws were supported by codes after 10\d* were drawn; 3 are missing\. Try"
    )
    with pytest.raises(RuntimeError, match=message):
        draw_supported(law, support, 3, 2, 0)
    law = ClassConditionalDensity().fit(np.vstack([CODES, CODES + 100]), np.repeat([0, 1], 2000))
    with pytest.raises(RuntimeError, match=r"Only 1 of 2 draws .* all of them of \[0\]"):
        draw_supported(law, support, 2, 2, 0, y=[0, 1])


@pytest.mark.parametrize("method", ["linear", "spherical"])
def test_interpolation_runs_between_reconstructions(method, digits, quick):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    rows = est.interpolate(digits[:3], digits[3:6], 7, method=method)
    assert rows.shape == (3, 7, 64)
    for end, X in ((0, digits[:3]), (-1, digits[3:6])):
        reconstructed = est.inverse_transform(est.transform(X))
        np.testing.assert_allclose(rows[:, end], reconstructed, rtol=1e-6)
    assert est.interpolate(digits[:1].astype(np.float32), digits[1:2].astype(np.float32)).dtype == (
        np.float32
    )


def test_methods_of_interpolation_differ(digits, quick):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    straight, around = (
        est.interpolate(digits[:1], digits[1:2], method=m) for m in ("linear", "spherical")
    )
    assert straight.shape == (1, 10, 64)
    assert not np.allclose(straight, around)
    with pytest.raises(ValueError, match="Got 'curved' instead"):
        est.interpolate(digits[:1], digits[1:2], method="curved")
    with pytest.raises(NotFittedError):
        quick().interpolate(digits[:1], digits[1:2])


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
