import numpy as np
import pandas as pd
import pytest
from sklearn import manifold
from sklearn.metrics import pairwise_distances

from skae.metrics._neighbors import neighborhood_continuity, trustworthiness

BOTH = [trustworthiness, neighborhood_continuity]


def normal(n, d, seed=0):
    return np.random.RandomState(seed).standard_normal((n, d))


def ranks(rows):
    """Rank of row j by its distance from row i, itself 0."""
    return pairwise_distances(rows).argsort(axis=1).argsort(axis=1)


def by_definition(X, Z, k):
    in_x, in_z = ranks(X), ranks(Z)
    n = len(X)
    intruders = (in_z >= 1) & (in_z <= k) & (in_x > k)
    return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * (in_x - k)[intruders].sum()


def unrelated(n, k):
    return 1 - (n - 1 - k) * (n - k) / ((n - 1) * (2 * n - 3 * k - 1))


@pytest.mark.parametrize("k", [1, 12])
def test_formulae(k):
    X = normal(200, 5)
    Z = X[:, :2] + 0.3 * normal(200, 2, 1)
    assert trustworthiness(X, Z, n_neighbors=k) == pytest.approx(by_definition(X, Z, k))
    assert neighborhood_continuity(X, Z, n_neighbors=k) == pytest.approx(by_definition(Z, X, k))


def test_directions_are_not_confused():
    X, Z = normal(300, 5), normal(300, 5)[:, :2]
    assert trustworthiness(X, Z) == neighborhood_continuity(Z, X)
    assert trustworthiness(X, Z) == pytest.approx(manifold.trustworthiness(X, Z, n_neighbors=12))


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize(("n", "k"), [(300, 12), (600, 12), (300, 60)])
def test_unrelated_codes(metric, n, k):
    values = [metric(normal(n, 5, 2 * i), normal(n, 2, 2 * i + 1), n_neighbors=k) for i in range(5)]
    assert np.mean(values) == pytest.approx(unrelated(n, k), abs=0.005)


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize("d", [2, 16, 64])
def test_similarity_is_perfect(metric, d):
    X = normal(300, d)
    q = np.linalg.qr(normal(d, d, 1))[0]
    assert metric(X, 700 * X @ q + 1000) == pytest.approx(1, abs=1e-9)


def test_fold_costs_trust_and_tear_costs_continuity():
    line = np.random.RandomState(0).uniform(-1, 1, size=(500, 1))
    fold = np.abs(line)  # brings far rows together, tears none apart
    assert trustworthiness(line, fold) < 0.8
    assert neighborhood_continuity(line, fold) > 0.99
    circle = np.c_[np.cos(np.pi * line), np.sin(np.pi * line)]
    assert trustworthiness(circle, line) > 0.995  # cut open: torn at one point
    assert neighborhood_continuity(circle, line) < trustworthiness(circle, line) - 0.001


@pytest.mark.parametrize("metric", BOTH)
def test_subsample(metric):
    X = normal(1000, 5)
    Z = X[:, :2]
    value = metric(X, Z, max_samples=200, random_state=0)
    order = np.random.RandomState(1).permutation(1000)
    assert value == metric(X, Z, max_samples=200, random_state=0)
    assert value == metric(X[order], Z[order], max_samples=200, random_state=0)
    moved = (50 - 3 * X)[order], (7 + 2 * Z @ [[0, 1], [-1, 0]])[order]
    assert value == pytest.approx(metric(*moved, max_samples=200, random_state=0), abs=1e-9)
    assert value != metric(X, Z, max_samples=200, random_state=1)
    assert metric(X, Z, random_state=0) == metric(X, Z, random_state=1)
    # The size of the subsample is part of the value.
    unrelated_codes = normal(1000, 2, 1)
    few = metric(X, unrelated_codes, max_samples=60, random_state=0)
    assert few == pytest.approx(unrelated(60, 12), abs=0.03)
    assert unrelated(60, 12) > 0.53 > metric(X, unrelated_codes)


@pytest.mark.parametrize("metric", BOTH)
def test_equal_codes_in_any_order_of_rows(metric):
    X = normal(300, 5)
    Z = np.repeat(normal(100, 2, 1), 3, axis=0)
    order = np.random.RandomState(1).permutation(300)
    options = {"max_samples": 150, "random_state": 0}
    assert metric(X, Z, **options) == metric(X[order], Z[order], **options)


@pytest.mark.parametrize("metric", BOTH)
def test_float32_lists_and_frames(metric):
    X = normal(200, 5)
    Z = X[:, :2]
    wanted = metric(X, Z)
    assert isinstance(wanted, float)
    assert metric(X.astype(np.float32), Z.astype(np.float32)) == pytest.approx(wanted, abs=1e-3)
    assert metric(pd.DataFrame(X), Z.tolist()) == wanted


@pytest.mark.parametrize("metric", BOTH)
def test_bad_input(metric):
    X, Z = normal(50, 3), normal(50, 2, 1)
    with pytest.raises(ValueError, match=r"same number of rows\. Got 50 and 49"):
        metric(X, Z[1:])
    with pytest.raises(ValueError, match="collapsed"):
        metric(X, np.ones((50, 2)))
    with pytest.raises(ValueError, match="All 50 rows of X are equal"):
        metric(np.ones((50, 3)), Z)
    with pytest.raises(ValueError, match="X contains NaN"):
        metric(np.where(X[3, 1] == X, np.nan, X), Z)
    with pytest.raises(ValueError, match="X_latent contains infinity"):
        metric(X, np.where(Z[3, 1] == Z, np.inf, Z))
    with pytest.raises(ValueError, match="n_neighbors"):
        metric(X, Z, n_neighbors=0)
    with pytest.raises(TypeError, match="max_samples"):
        metric(X, Z, max_samples=9.5)
    with pytest.raises(ValueError, match="minimum of 3 is required"):
        metric(X[:2], Z[:2])
    with pytest.warns(UserWarning, match="constant along axis 0"):
        metric(X, np.c_[np.ones(50), Z])


@pytest.mark.parametrize("metric", BOTH)
def test_few_rows_are_warned_of(metric):
    X, Z = normal(20, 3), normal(20, 2, 1)
    with pytest.warns(UserWarning, match="n_neighbors=12 is too large for 20 codes"):
        assert metric(X, Z) == metric(X, Z, n_neighbors=9)
    with pytest.warns(UserWarning, match="X_latent has 3 rows only"):
        assert 0 <= metric(X[:3], Z[:3], n_neighbors=1) <= 1
