import copy
import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import Bunch

import skae.metrics
from skae import AutoencoderTransformer
from skae.metrics._continuity import latent_continuity
from skae.metrics._neighbors import neighborhood_continuity, trustworthiness
from skae.metrics._quality import sample_quality
from skae.metrics._scorer import latent_scorer


def spread(X_latent, y=None, *, power=1):
    """A label-free metric."""
    return np.asarray(X_latent).std() ** power


def separation(X_latent, y):
    """A metric of two classes."""
    return float(np.abs(X_latent[y == 0].mean() - X_latent[y == 1].mean()))


def noisy(X_latent, y=None, *, random_state=None):
    return Bunch(value=np.random.RandomState(random_state).standard_normal() + np.mean(X_latent))


class Gaussian(TransformerMixin, BaseEstimator):
    """A probabilistic PCA that can do what a variational estimator can."""

    def __init__(self, noise=0.0):
        self.noise = noise

    def fit(self, X, y=None):
        self.pca_ = PCA(2, random_state=0).fit(X)
        return self

    def transform(self, X):
        return self.pca_.transform(X)

    def inverse_transform(self, X):
        return self.pca_.inverse_transform(X)

    def sample_posterior(self, X, *, random_state=None):
        noise = (
            np.random.RandomState(random_state) if isinstance(random_state, int) else random_state
        )
        return self.transform(X) + self.noise * noise.standard_normal((len(X), 2))

    def sample(self, n_samples=1, *, random_state=None):
        codes = random_state.standard_normal((n_samples, 2)) * np.sqrt(
            self.pca_.explained_variance_
        )
        return self.inverse_transform(codes)


class SelfSeeded(Gaussian):
    """Its samples take no random_state."""

    def sample_posterior(self, X):
        return self.transform(X) + 100


@pytest.fixture
def X():
    return np.random.RandomState(0).standard_normal((150, 5)) * [3, 2, 1, 0.5, 0.1] + 10


@pytest.fixture
def y(X):
    return (X[:, 0] > 10).astype(int)


def test_bare_estimator_and_sign(X):
    pca = PCA(2).fit(X)
    codes = pca.transform(X)
    assert latent_scorer(spread)(pca, X) == -spread(codes)
    assert latent_scorer(spread, greater_is_better=True)(pca, X) == spread(codes)
    assert latent_scorer(spread, power=2)(pca, X) == -spread(codes, power=2)
    assert isinstance(latent_scorer(spread)(pca, X), float)


def test_pipeline(X):
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    assert latent_scorer(spread)(pipeline, X) == -spread(pipeline.transform(X))
    nested = make_pipeline(MinMaxScaler(), make_pipeline(StandardScaler(), PCA(2))).fit(X)
    assert latent_scorer(spread)(nested, X) == -spread(nested.transform(X))
    passthrough = make_pipeline(StandardScaler(), "passthrough").fit(X)
    assert latent_scorer(spread)(passthrough, X) == -spread(passthrough.transform(X))


def test_labels(X, y):
    pca = PCA(2).fit(X)
    codes = pca.transform(X)
    assert latent_scorer(separation)(pca, X, y) == -separation(codes, y)
    with pytest.raises(ValueError, match="separation needs class labels, but y is None: pass y"):
        latent_scorer(separation)(pca, X)
    score = latent_scorer(silhouette_score, greater_is_better=True, metric="cosine")
    assert score(pca, X, y) == silhouette_score(codes, y, metric="cosine")
    with pytest.raises(ValueError, match="silhouette_score needs class labels"):
        score(pca, X)


def test_bunch_is_scored_by_value(X):
    pca = PCA(2).fit(X)
    score = latent_scorer(noisy, random_state=3)
    assert score(pca, X) == -noisy(pca.transform(X), random_state=3).value
    assert latent_scorer(noisy)(pca, X) != latent_scorer(noisy)(pca, X)


def test_posterior_samples_where_there_are_some(X):
    model = Gaussian(noise=2.0).fit(X)
    score = latent_scorer(spread, greater_is_better=True, random_state=0)
    noise = np.random.RandomState(0).standard_normal((150, 2))
    assert score(model, X) == spread(model.transform(X) + 2 * noise)
    assert score(model, X) == score(model, X)
    assert latent_scorer(spread)(model, X) != latent_scorer(spread)(model, X)
    assert latent_scorer(spread)(SelfSeeded().fit(X), X) == -spread(model.transform(X) + 100)


def test_posterior_samples_of_the_last_step(X):
    score = latent_scorer(spread, greater_is_better=True, random_state=0)
    scaler = StandardScaler().fit(X)
    model = Gaussian(noise=2.0).fit(scaler.transform(X))
    wanted = score(model, scaler.transform(X))
    assert wanted != spread(model.transform(scaler.transform(X)))
    pipelines = [
        make_pipeline(StandardScaler(), Gaussian(noise=2.0)),
        make_pipeline(StandardScaler(), make_pipeline(Gaussian(noise=2.0))),
        make_pipeline(make_pipeline(StandardScaler(), make_pipeline(Gaussian(noise=2.0)))),
    ]
    for pipeline in pipelines:
        assert score(pipeline.fit(X), X) == wanted
    assert score(make_pipeline(Gaussian(2.0)).fit(X), X) == score(Gaussian(2.0).fit(X), X)


def test_searches_are_unwrapped(X):
    score = latent_scorer(spread, random_state=0)
    pipeline = make_pipeline(StandardScaler(), Gaussian())
    search = GridSearchCV(pipeline, {"gaussian__noise": [2.0, 3.0]}, scoring=score, cv=2).fit(X)
    assert search.best_params_ == {"gaussian__noise": 2.0}
    assert score(search, X) == score(search.best_estimator_, X)
    assert score(search, X) != -spread(search.transform(X))


def test_neighbour_metrics_get_rows_and_means(X):
    model = make_pipeline(StandardScaler(), Gaussian(noise=5.0)).fit(X)
    for metric in (trustworthiness, neighborhood_continuity):
        score = latent_scorer(metric, greater_is_better=True, n_neighbors=7)
        assert score(model, X) == metric(X, model.transform(X), n_neighbors=7)
        assert score(model, X.tolist()) == score(model, X)


def test_continuity_gets_the_decoder(X):
    model = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    score = latent_scorer(latent_continuity, jump=0.9, n_resamples=0, random_state=0)
    wanted = latent_continuity(
        model.inverse_transform, model.transform(X), jump=0.9, n_resamples=0, random_state=0
    )
    assert score(model, X) == -wanted.value < 0
    assert latent_scorer(latent_continuity, random_state=0)(model, X) == 0  # an affine decoder


def test_quality_gets_samples_in_the_space_of_the_rows(X):
    score = latent_scorer(
        sample_quality, greater_is_better=True, n_resamples=0, random_state=0, k=3
    )
    scaled = make_pipeline(StandardScaler(), Gaussian()).fit(X)
    off = make_pipeline(StandardScaler(), Gaussian()).fit(X - 100)
    assert score(scaled, X) > 0.2
    assert score(off, X) == 0
    assert score(scaled, X) == score(scaled, X)
    assert score(make_pipeline(StandardScaler(), scaled).fit(X), X) > 0.2


@pytest.mark.parametrize("law", [GaussianMixture(1, random_state=0), KernelDensity(bandwidth=0.1)])
def test_quality_of_densities(X, law):
    score = latent_scorer(sample_quality, greater_is_better=True, n_resamples=0, random_state=0)
    assert score(law.fit(X), X) > 0.9
    whitened = make_pipeline(PCA(whiten=True), clone(law)).fit(X)
    assert score(whitened, X) > 0.9
    assert score(whitened, X) == score(whitened, X)


def test_grid_search(X, y):
    pipeline = make_pipeline(StandardScaler(), PCA(random_state=0))
    grid = {"pca__n_components": [1, 2, 4]}
    score = latent_scorer(trustworthiness, greater_is_better=True, n_neighbors=5)
    search = GridSearchCV(pipeline, grid, scoring=score, cv=3, error_score="raise").fit(X)
    assert search.best_params_ == {"pca__n_components": 4}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    labelled = GridSearchCV(pipeline, grid, scoring=latent_scorer(separation), error_score="raise")
    assert labelled.fit(X, y).best_score_ < 0
    with pytest.raises(ValueError, match="needs class labels"):
        labelled.fit(X)


def test_cross_validate_with_a_dict(X, y):
    scoring = {
        "spread": latent_scorer(spread),
        "separation": latent_scorer(separation, greater_is_better=True),
        "trust": latent_scorer(trustworthiness, greater_is_better=True, n_neighbors=5),
        "jumps": latent_scorer(latent_continuity, n_resamples=0, random_state=0),
    }
    pipeline = make_pipeline(StandardScaler(), PCA(2))
    result = cross_validate(pipeline, X, y, scoring=scoring, cv=3, error_score="raise")
    assert (result["test_spread"] < 0).all()
    assert (result["test_separation"] > 0).all()
    assert (result["test_trust"] > 0.6).all()
    assert (result["test_jumps"] == 0).all()
    search = GridSearchCV(
        pipeline, {"pca__n_components": [1, 2]}, scoring=scoring, refit="trust", cv=3
    )
    assert search.fit(X, y).best_params_ == {"pca__n_components": 2}
    assert clone(search).fit(X, y).best_score_ == search.best_score_


def test_cross_validate_with_a_function_of_a_dict(X):
    scorers = {"a": latent_scorer(spread), "b": latent_scorer(spread, greater_is_better=True)}

    def scoring(estimator, X, y=None):
        return {name: scorer(estimator, X, y) for name, scorer in scorers.items()}

    result = cross_validate(PCA(2), X, scoring=scoring, cv=3)
    np.testing.assert_array_equal(result["test_a"], -result["test_b"])


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies(X, copied):
    pca = PCA(2).fit(X)
    for score in (
        latent_scorer(spread, power=2),
        latent_scorer(trustworthiness, greater_is_better=True, n_neighbors=3),
        latent_scorer(latent_continuity, random_state=0),
    ):
        again = copied(score)
        assert again(pca, X) == score(pca, X)
        assert repr(again) == repr(score)


def test_repr():
    score = latent_scorer(spread, power=2)
    assert repr(score) == "latent_scorer(spread, greater_is_better=False, power=2)"


def test_frames(X):
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas").fit(frame)
    score = latent_scorer(trustworthiness, greater_is_better=True)
    assert score(pipeline, frame) == pytest.approx(trustworthiness(X, pipeline.transform(frame)))


def test_metrics_of_the_users_own(X, y):
    pca = PCA(2).fit(X)
    codes = pca.transform(X)

    def free(X_latent, y=None, **kwargs):
        return kwargs["a"] + (0 if y is None else 1)

    def decoded(Z, decode):
        return np.abs(decode(Z)).mean()

    def error(X, X_latent, decode):
        return np.square(X - decode(X_latent)).mean()

    class Radius:
        def __call__(self, codes):
            return np.linalg.norm(codes, axis=1).max()

    assert latent_scorer(free, a=3)(pca, X) == -3
    assert latent_scorer(free, a=3)(pca, X, y) == -4
    assert latent_scorer(decoded)(pca, X) == -np.abs(pca.inverse_transform(codes)).mean()
    left = np.square(X - pca.inverse_transform(codes)).mean()
    assert latent_scorer(error)(pca, X) == pytest.approx(-left)
    assert latent_scorer(Radius())(pca, X) == -np.linalg.norm(codes, axis=1).max()
    assert latent_scorer(partial(spread, power=2))(pca, X) == -spread(codes, power=2)
    assert latent_scorer(lambda Z: np.float32(2))(pca, X) == -2


def test_own_decoder_replaces_that_of_the_estimator(X):
    pca = PCA(2).fit(X)
    score = latent_scorer(latent_continuity, decode=np.sign, random_state=0)
    assert score(pca, X) < 0


def test_names(monkeypatch, X):
    monkeypatch.setattr(skae.metrics, "gap_fraction", spread, raising=False)
    pca = PCA(2).fit(X)
    assert latent_scorer("gap_fraction")(pca, X) == -spread(pca.transform(X))
    with pytest.raises(ValueError, match=r"metric must be .*'gap_fraction'.* Got 'gap' instead"):
        latent_scorer("gap")


def test_bad_metrics(X):
    pca = PCA(2).fit(X)
    with pytest.raises(TypeError, match=r"metric must be a callable or a name\. Got 3"):
        latent_scorer(3)
    with pytest.raises(TypeError, match="spread takes no parameter colour, sise"):
        latent_scorer(spread, sise=3, colour=2)
    with pytest.raises(TypeError, match="power needs, as keyword argument, y2"):
        latent_scorer(_power)
    with pytest.raises(TypeError, match="must return a number"):
        latent_scorer(lambda X_latent: X_latent)(pca, X)
    with pytest.raises(TypeError, match="must return a number"):
        latent_scorer(lambda X_latent: {"a": 1})(pca, X)


def _power(X_latent, y2):
    return 0


def test_estimators_that_lack_a_method(X):
    with pytest.raises(TypeError, match=r"must have transform or sample_posterior.*Got GaussianM"):
        latent_scorer(spread)(GaussianMixture().fit(X), X)
    with pytest.raises(TypeError, match=r"must have sample, to draw rows.*Got PCA"):
        latent_scorer(sample_quality)(PCA(2).fit(X), X)
    with pytest.raises(TypeError, match=r"must have inverse_transform.*Got GaussianMixture"):
        latent_scorer(latent_continuity)(GaussianMixture().fit(X), X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_autoencoder(digits):
    X = digits[:200]
    pipeline = make_pipeline(
        MinMaxScaler(),
        AutoencoderTransformer(2, hidden_layer_sizes=(16,), max_iter=20, random_state=0),
    )
    scoring = {
        "spread": latent_scorer(spread, greater_is_better=True),
        "trust": latent_scorer(trustworthiness, greater_is_better=True),
        "jumps": latent_scorer(latent_continuity, n_resamples=0, random_state=0),
        "quality": latent_scorer(
            sample_quality, greater_is_better=True, n_resamples=0, random_state=0
        ),
    }
    result = cross_validate(pipeline, X, scoring=scoring, cv=2, error_score="raise")
    again = cross_validate(pipeline, X, scoring=scoring, cv=2, error_score="raise")
    for name in scoring:
        np.testing.assert_array_equal(result[f"test_{name}"], again[f"test_{name}"])
    assert (result["test_trust"] > 0.75).all()
    assert (result["test_quality"] > 0.1).all()
    assert (result["test_jumps"] <= 0).all()
