"""Ties, odd labels, far-off and huge codes, odd parameters: over several metrics at a time."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import FunctionTransformer

from skae.metrics import (
    LatentSupport,
    active_units,
    class_area_imbalance,
    class_areas,
    gap_fraction,
    latent_continuity,
    latent_extent,
    latent_gaps,
    latent_prior,
    latent_scorer,
    neighborhood_continuity,
    prior_mismatch,
    sample_quality,
    sampled_class_imbalance,
    sampled_classes,
    trustworthiness,
    unbounded_extent,
)

POINT = {"n_resamples": 0, "random_state": 0}


@pytest.fixture
def codes():
    return np.random.RandomState(0).standard_normal((300, 2))


@pytest.fixture
def labels():
    return np.arange(300) % 3


# ---------------------------------------------------------------------- ties


def lattice():
    rng = np.random.RandomState(0)
    return rng.randint(0, 4, (600, 2)).astype(float), rng.randint(0, 3, 600)


def heap():
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((1500, 2))
    Z[:700] = 0
    return Z, rng.permutation(np.arange(1500) % 2)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", [lattice, heap])
def test_order_of_rows_does_not_decide_ties(make):
    Z, y = make()
    orders = [np.argsort(y, kind="stable"), np.argsort(-y, kind="stable"), np.arange(len(y))]
    shares = [sampled_classes(Z[o], y[o], sampler="resample", **POINT).territory for o in orders]
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-12)
    np.testing.assert_allclose(shares[0], shares[2], atol=1e-12)
    # Labels that have nothing to do with codes: no class has much more than its share.
    np.testing.assert_allclose(shares[0], np.bincount(y) / len(y), atol=0.1)


def test_order_of_rows_does_not_decide_what_a_classifier_reads():
    Z, y = heap()
    Z, y = Z[400:1100], y[400:1100]
    rates = {
        latent_continuity(lambda z: z, Z[o], y[o], X=Z[o], **POINT).label_flip_rate
        for o in (np.argsort(y, kind="stable"), np.argsort(-y, kind="stable"))
    }
    assert len(rates) == 1


# ---------------------------------------------------------------------- intervals of many classes


@pytest.mark.parametrize(
    ("n_classes", "n_codes", "spread"), [(10, 30, 0.2), (10, 100, 0.2), (26, 50, 0.3)]
)
def test_area_intervals_of_many_classes_hold_the_truth(n_classes, n_codes, spread):
    log_areas = np.linspace(-spread, spread, n_classes)
    share = np.exp(log_areas) / np.exp(log_areas).sum()
    truth = np.abs(share - 1 / n_classes).sum() / 2
    y = np.repeat(np.arange(n_classes), n_codes)
    held = 0
    for seed in range(20):
        rng = np.random.RandomState(seed)
        Z = rng.standard_normal((len(y), 2)) * np.exp(log_areas / 2)[y][:, None]
        result = class_areas(Z + 100 * y[:, None], y, random_state=0)
        low, high = result.interval
        held += low <= truth <= high
        assert low <= result.value <= high
    assert held >= 17


# ---------------------------------------------------------------------- labels


MISSING = {
    "None": lambda y: np.where(np.arange(300) == 7, None, y.astype(object)),
    "NaN": lambda y: np.where(np.arange(300) == 7, np.nan, y.astype(object)),
    "strings": lambda y: pd.Series([None if i == 7 else f"c{v}" for i, v in enumerate(y)]),
    "pandas NA": lambda y: pd.Series(y.astype(str), dtype="string").where(np.arange(300) != 7),
    "categorical": lambda y: pd.Series(y).where(np.arange(300) != 7).astype("category"),
    "float": lambda y: np.where(np.arange(300) == 7, np.nan, y),
}


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("metric", [class_area_imbalance, sampled_class_imbalance])
def test_missing_labels_are_named(kind, metric, codes, labels):
    with pytest.raises(ValueError, match=r"y .*row 7"):
        metric(codes, MISSING[kind](labels))


def test_labels_that_are_objects_stay_what_they_are(codes, labels):
    names = np.array([2, 10, 9])[labels]
    scaled = codes * (1 + 2 * (labels == 0))[:, None]
    target = [0.6, 0.2, 0.2]
    plain = class_areas(scaled, names, target=target, **POINT)
    objects = class_areas(scaled, names.astype(object), target=target, **POINT)
    assert objects.value == plain.value
    assert objects.classes.tolist() == [2, 9, 10]
    assert objects.largest == 2
    mixed = np.array([1, "1", 2.5], dtype=object)[labels]
    assert len(class_areas(codes, mixed, **POINT).classes) == 3


@pytest.mark.parametrize("metric", [gap_fraction, latent_gaps, unbounded_extent, prior_mismatch])
def test_length_of_y_is_checked_everywhere(metric, codes):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        metric(codes, np.zeros(299))


def test_classes_left_out_are_told_in_one_warning(codes):
    y = np.r_[np.zeros(130, int), np.ones(130, int), np.arange(2, 42)]
    with pytest.warns(UserWarning, match="and 30 more") as caught:
        class_areas(codes, y, **POINT)
    assert len(caught) == 1


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_classes_of_two_codes_with_one_neighbour(codes):
    y = np.r_[np.zeros(298), 1, 1]
    result = class_areas(codes, y, k=1, random_state=0)
    assert result.value == class_area_imbalance(codes, y, k=1, random_state=0)


# ---------------------------------------------------------------------- far off, huge, tiny


@pytest.mark.parametrize("metric", [trustworthiness, neighborhood_continuity])
def test_neighbours_far_off(metric, codes):
    assert metric(codes, codes + 1e8) == pytest.approx(1)
    assert metric(codes + 1e8, codes + 1e8) == pytest.approx(1)


@pytest.mark.parametrize("sampler", ["normal", "gmm", "kde"])
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_laws_fitted_far_off(sampler, offset, codes):
    options = {"sampler": sampler, "random_state": 0}
    assert gap_fraction(codes + offset, **options) < gap_fraction(codes, **options) + 0.03


@pytest.mark.parametrize(
    "metric", [prior_mismatch, gap_fraction, unbounded_extent, LatentSupport().fit]
)
@pytest.mark.parametrize("factor", [1e154, 1e200])
def test_huge_codes_are_refused(metric, factor, codes):
    with pytest.raises(ValueError, match="divide by a constant"):
        metric(codes * factor)


def test_huge_points_are_refused(codes):
    with pytest.raises(ValueError, match="divide by a constant"):
        LatentSupport().fit(codes).predict([[1e155, 0]])
    with pytest.raises(ValueError, match="divide by a constant"):
        gap_fraction(codes, sampler=np.full((10, 2), 1e200))


def test_codes_that_differ_by_nothing_are_refused(codes, labels):
    with pytest.raises(ValueError, match="divide by a constant"):
        class_area_imbalance(codes * 1e-200, labels)


def test_support_stays_as_it_was_when_a_fit_fails(codes):
    support = LatentSupport().fit(codes)
    before = support.predict(codes)
    with pytest.raises(ValueError, match="collapse"):
        support.fit(np.ones((50, 3)))
    np.testing.assert_array_equal(support.predict(codes), before)


# ---------------------------------------------------------------------- samplers


@pytest.mark.parametrize(
    "as_draws",
    [pd.DataFrame, torch.tensor, list, lambda d: torch.tensor(d, requires_grad=True)],
)
def test_draws_of_any_kind_are_draws(as_draws, codes):
    draws = np.random.RandomState(1).standard_normal((500, 2))
    given = latent_gaps(codes, sampler=as_draws(draws), **POINT)
    assert given.sampler == "array"
    assert given.value == latent_gaps(codes, sampler=draws, **POINT).value


def test_functions_without_a_name(codes):
    result = latent_gaps(codes, sampler=lambda m: np.zeros((m, 2)), **POINT)
    assert result.sampler == "function"


def identity(z):
    return z


BAD = [
    (lambda Z, y: gap_fraction(Z, sampler=GaussianMixture), TypeError, "sampler"),
    (lambda Z, y: gap_fraction(Z, sampler=None), (TypeError, ValueError), "sampler"),
    (lambda Z, y: gap_fraction(Z, sampler=5), (TypeError, ValueError), "sampler"),
    (lambda Z, y: gap_fraction(Z, sampler=np.empty((0, 2))), ValueError, "sampler"),
    (lambda Z, y: gap_fraction(Z, alpha=np.nan), ValueError, "alpha"),
    (lambda Z, y: gap_fraction(Z, k=True), TypeError, "k must be"),
    (lambda Z, y: gap_fraction(Z, n_draws=True), TypeError, "n_draws must be"),
    (lambda Z, y: gap_fraction(Z, max_samples="foo"), TypeError, "max_samples.*'auto'"),
    (lambda Z, y: gap_fraction(Z[:3]), ValueError, "X_latent has 3 rows"),
    (lambda Z, y: gap_fraction(Z, random_state=-1), ValueError, "random_state"),
    (lambda Z, y: unbounded_extent(Z, level=np.nan), ValueError, "level"),
    (lambda Z, y: latent_extent(Z, confidence_level=np.nan), ValueError, "confidence_level"),
    (lambda Z, y: latent_extent(Z, reference=np.zeros(2)), ValueError, "reference"),
    (lambda Z, y: latent_continuity(identity, Z, jump=np.nan), ValueError, "jump"),
    (lambda Z, y: latent_continuity(identity, Z, step=np.inf), ValueError, "step"),
    (lambda Z, y: latent_continuity(None, Z), TypeError, "decode must be a function"),
    (lambda Z, y: active_units(Z, threshold=np.nan), ValueError, "threshold"),
    (lambda Z, y: sample_quality(Z, Z, feature_map=3), TypeError, "feature_map"),
    (lambda Z, y: class_areas(Z, y, target={0: 1}), TypeError, "target"),
    (lambda Z, y: class_areas(Z, y, target=["a", "b", "c"]), TypeError, "target"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_errors_name_the_parameter(call, error, message, codes, labels):
    with pytest.raises(error, match=message):
        call(codes, labels)


def test_nan_of_a_decoder_is_no_case_for_an_imputer(codes):
    with pytest.raises(ValueError, match="decode") as raised:
        latent_continuity(lambda z: np.full((len(z), 3), np.nan), codes)
    assert "Imputer" not in str(raised.value)


# ---------------------------------------------------------------------- floors and leaks


def test_floors_do_not_leave_the_range_of_values(codes, labels):
    assert latent_gaps(codes, alpha=0.99, **POINT).floor <= 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = sampled_classes(codes, labels, n_draws=1, n_resamples=5, random_state=0)
    assert result.floor <= 2 / 3 + 1e-12


def test_few_draws_still_have_an_interval(codes):
    result = latent_continuity(identity, codes[:25], n_draws=8, random_state=0)
    assert np.isfinite(result.interval).all()


def test_no_warnings_leak_from_numerics(codes):
    far = np.r_[codes[:199], [[1e9, 1e9]]]
    assert 0 <= latent_gaps(far, sampler="gmm", **POINT).value <= 1
    with pytest.raises(ValueError, match="X_latent_std"):
        latent_prior(codes, X_latent_std=np.full((300, 2), 1e200))


def test_scorer_of_samples_takes_sparse_rows():
    X = sparse.csr_array(np.random.RandomState(0).poisson(1.0, (60, 4)).astype(float))
    with pytest.raises(TypeError, match="must have sample"):
        latent_scorer("sample_quality")(FunctionTransformer().fit(X), X)


def test_scorer_errors_fit_the_scorer(codes):
    with pytest.raises(TypeError) as raised:
        latent_scorer("sample_quality")(PCA(2).fit(codes), codes)
    assert "from_latent" not in str(raised.value)
