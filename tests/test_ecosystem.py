"""The estimator among others: pipelines, searches, unions, routing, global configuration."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import AutoencoderTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_pipeline_encodes_decodes_and_samples(digits, quick):
    pipe = Pipeline([("scale", MinMaxScaler()), ("ae", quick())])
    X = 16 * digits
    Z = pipe.fit_transform(X)
    assert Z.shape == (300, 2)
    X_hat = pipe.inverse_transform(Z)
    assert X_hat.shape == X.shape
    scaled = pipe[0].transform(X)
    np.testing.assert_allclose(pipe[0].transform(X_hat), pipe[1].inverse_transform(Z), atol=1e-6)
    assert pipe.inverse_transform(10 * np.random.RandomState(0).rand(7, 2)).shape == (7, 64)
    assert pipe[-1].sample(25).shape == (25, 64)
    assert pipe.score(X) == pytest.approx(pipe[1].score(scaled))
    assert list(pipe.get_feature_names_out()) == [f"autoencodertransformer{j}" for j in range(2)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(n_jobs, digits, quick):
    pipe = make_pipeline(MinMaxScaler(), quick(max_iter=30))
    grid = {"autoencodertransformer__n_components": [1, 4]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(digits)
    assert search.best_params_ == {"autoencodertransformer__n_components": 4}
    assert search.transform(digits).shape == (300, 4)
    assert search.inverse_transform(np.zeros((1, 4))).shape == (1, 64)


def test_search_over_options_and_cross_validation(digits, quick):
    grid = {"likelihood": ["gaussian", "laplace"], "hidden_layer_sizes": [(), (8,)]}
    search = GridSearchCV(quick(), grid, cv=2, error_score="raise").fit(digits)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scores = cross_val_score(quick(), digits, cv=3)
    assert scores.shape == (3,)
    results = cross_validate(quick(), digits, cv=2, n_jobs=2, return_estimator=True)
    assert results["estimator"][0].transform(digits).shape == (300, 2)


def test_codes_feed_a_classifier():
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(
        MinMaxScaler(),
        AutoencoderTransformer(8, max_iter=30, random_state=0),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    assert model.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.8


def test_column_transformer_and_feature_union(digits, quick):
    frame = pd.DataFrame(digits, columns=[f"pixel {j}" for j in range(64)])
    columns = ColumnTransformer(
        [("top", quick(), list(frame.columns[:32])), ("rest", "passthrough", ["pixel 63"])]
    )
    assert columns.fit_transform(frame).shape == (300, 3)
    names = ["top__autoencodertransformer0", "top__autoencodertransformer1", "rest__pixel 63"]
    assert list(columns.get_feature_names_out()) == names
    union = FeatureUnion([("pca", PCA(3)), ("ae", quick())])
    assert union.fit_transform(digits).shape == (300, 5)


@pytest.mark.parametrize(
    ("container", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
def test_global_output_container(container, kind, digits, quick):
    pipe = make_pipeline(MinMaxScaler(), quick())
    with config_context(transform_output=container):
        Z = pipe.fit_transform(digits)
        assert isinstance(Z, kind)
        assert list(Z.columns) == ["autoencodertransformer0", "autoencodertransformer1"]
        np.testing.assert_array_equal(Z.to_numpy(), pipe.transform(digits).to_numpy())
        assert isinstance(pipe[-1].sample(2), np.ndarray)
    plain = make_pipeline(MinMaxScaler(), quick()).fit_transform(digits)
    np.testing.assert_allclose(Z.to_numpy(), plain, rtol=1e-9)


def test_sample_weight_is_routed_through_a_pipeline(digits, quick):
    weights = np.arange(300.0)
    scaled = MinMaxScaler().fit_transform(digits)
    direct = quick().fit(scaled, sample_weight=weights).transform(scaled)
    with config_context(enable_metadata_routing=True):
        est = quick().set_fit_request(sample_weight=True)
        pipe = make_pipeline(MinMaxScaler(), est)
        pipe.fit(digits, sample_weight=weights)
        np.testing.assert_allclose(pipe.transform(digits), direct, atol=1e-6)
        unweighted = quick().fit(scaled).transform(scaled)
        assert np.abs(unweighted - direct).max() > 1e-3
        quick().fit(digits, sample_weight=weights).partial_fit(digits)
    old_style = make_pipeline(MinMaxScaler(), quick())
    old_style.fit(digits, autoencodertransformer__sample_weight=weights)
    np.testing.assert_allclose(old_style.transform(digits), direct, atol=1e-6)
