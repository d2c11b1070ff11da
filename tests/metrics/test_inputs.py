"""What all metrics ask of their input: labels, sizes, parameters, the order of rows."""

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

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
    neighborhood_continuity,
    prior_mismatch,
    sample_quality,
    sampled_class_imbalance,
    sampled_classes,
    trustworthiness,
    unbounded_extent,
)
from skae.metrics._draws import sampler_name
from skae.metrics._inputs import check_labels, labelled_order


def normal(n, d, seed=0):
    return np.random.RandomState(seed).standard_normal((n, d))


Z, X = normal(200, 2), normal(200, 4, 1)
Y = (Z[:, 0] > 0).astype(int)


def same(points):
    return points


# Labels.


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        [1, None, 2],
        np.array(["a", np.nan, "b"], dtype=object),
        np.array(["a", pd.NA, "b"], dtype=object),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series([1, pd.NA, 2], dtype="Int64"),
        pd.Series([1.0, None, 2.0]),
        pd.Categorical(["a", None, "b"]),
        np.array(["2020", "NaT", "2021"], dtype="datetime64[Y]"),
    ],
    ids=str,
)
def test_missing_labels_are_no_class(labels):
    with pytest.raises(ValueError, match=r"y contains (missing|NaN).* row 1"):
        check_labels(labels, 3)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([10, 9, 2, 10], dtype=object), [2, 9, 10]),
        (np.array([10, 2.5], dtype=object), [2.5, 10.0]),
        (["b", "a"], ["a", "b"]),
        (pd.Series(["b", "a", "b"], dtype="string"), ["a", "b"]),
        (pd.Categorical([3, 1]), [1, 3]),
        (np.array([True, False], dtype=object), [False, True]),
        ([1, "1", 2, "1", np.int64(1)], [1, 2, "1"]),
        ([True, "x", 0], [True, 0, "x"]),
        ([10**30, 2], [2, 10**30]),
        (torch.tensor([3, 1]), [1, 3]),
    ],
    ids=str,
)
def test_labels_stay_what_they_are(labels, classes):
    found, index = check_labels(labels, len(labels))
    assert found.tolist() == classes
    assert [type(label) for label in found.tolist()] == [type(label) for label in classes]
    assert [classes[c] for c in index] == list(np.asarray(labels, dtype=object))


def test_target_belongs_to_sorted_numbers():
    labels = np.array([10, 9], dtype=object)[Y]  # of class 9 come most
    result = class_areas(Z, labels, target=[3, 1], n_resamples=0)
    assert result.classes.tolist() == [9, 10]
    assert result.largest in (9, 10)
    assert sampled_classes(Z, labels, n_resamples=0).classes.tolist() == [9, 10]


def test_labels_of_two_types():
    labels = [1 if row else "1" for row in Y]
    assert class_area_imbalance(Z, labels) == pytest.approx(class_area_imbalance(Z, Y))
    result = sampled_classes(Z, labels, n_resamples=2, random_state=0)
    assert result.classes.tolist() == [1, "1"]
    with pytest.warns(UserWarning, match="Class None|Class 'x'"):
        class_areas(Z, ["x", *labels[1:]], n_resamples=0)


# Codes at one place.


def reordered(y):
    """Orders of the rows by label, upwards and downwards, and a random one."""
    orders = np.argsort(y, kind="stable"), np.argsort(-y, kind="stable")
    return *orders, np.random.RandomState(1).permutation(len(y))


@pytest.fixture
def heap():
    """700 of 1500 codes at one place, with labels at random."""
    rng = np.random.RandomState(0)
    codes = rng.standard_normal((1500, 2))
    codes[:700] = 0
    return codes, rng.permutation(np.arange(1500) % 2)


def test_equal_codes_vote_in_any_order_of_rows(heap):
    codes, y = heap
    results = [
        sampled_classes(codes[rows], y[rows], n_resamples=3, random_state=0)
        for rows in reordered(y)
    ]
    np.testing.assert_allclose(results[0].territory, 0.5, atol=0.06)
    for other in results[1:]:
        np.testing.assert_array_equal(other.territory, results[0].territory)
        assert (other.interval, other.floor) == (results[0].interval, results[0].floor)
        assert other.value == results[0].value
    names = np.array(["z", "a"])[y]
    renamed = sampled_classes(codes, names, n_resamples=0, random_state=0)
    np.testing.assert_array_equal(renamed.territory, results[0].territory[::-1])


def test_votes_on_a_grid():
    rng = np.random.RandomState(0)
    codes, y = rng.randint(0, 4, (600, 2)) + 0.0, rng.randint(0, 3, 600)
    with pytest.warns(UserWarning, match="duplicates or more"):
        values = [
            sampled_classes(codes[rows], y[rows], n_resamples=0, random_state=0).territory
            for rows in reordered(y)
        ]
    np.testing.assert_allclose(values[0], 1 / 3, atol=0.1)
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])


def test_votes_follow_the_shares_of_a_place():
    """One code votes: each draw takes the class of a random one of those at its place."""
    codes = np.repeat([[0.0], [1.0]], [400, 400], axis=0)
    y = np.r_[np.arange(400) % 4 == 0, np.arange(400) % 2 == 0].astype(int)
    with pytest.warns(UserWarning, match="duplicates or more"):
        result = sampled_classes(codes, y, k=1, sampler="resample", n_resamples=0, random_state=0)
    shares = [result.draw_classes[result.draws[:, 0] == place].mean() for place in (0, 1)]
    np.testing.assert_allclose(shares, [0.25, 0.5], atol=0.04)


def test_equal_rows_teach_classifiers_in_any_order(heap):
    codes, y = heap
    rates = [
        latent_continuity(
            same, codes[rows], y[rows], X=codes[rows], n_resamples=0, random_state=0
        ).label_flip_rate
        for rows in reordered(y)
    ]
    decoded = [
        sampled_classes(
            codes[rows], y[rows], X=codes[rows], decode=same, n_resamples=0, random_state=0
        ).decoded.tolist()
        for rows in reordered(y)
    ]
    assert rates[0] == rates[1] == rates[2]
    assert decoded[0] == decoded[1] == decoded[2]


def test_order_settles_labels_by_where_they_are():
    codes = np.repeat(normal(50, 2), 4, axis=0)
    y = np.random.RandomState(0).randint(3, size=200)
    first = None
    for rows in reordered(y):
        for names in ([0, 1, 2], [2, 0, 1]):
            labels = np.array(names)[y][rows]
            order = labelled_order(codes[rows], labels, np.random.RandomState(0))
            found = np.argsort(names)[labels[order]]
            first = found if first is None else first
            np.testing.assert_array_equal(found, first)


# Sizes.


def test_far_off_codes():
    rows = X + 1e8
    for metric in (trustworthiness, neighborhood_continuity):
        assert metric(X, Z + 1e8) == pytest.approx(metric(X, Z), abs=1e-4)
        assert metric(rows, Z) == pytest.approx(metric(X, Z), abs=1e-4)


@pytest.mark.parametrize("sampler", ["normal", "gmm", "kde"])
@pytest.mark.parametrize("offset", [3e5, 1e8])
def test_laws_of_far_off_codes(sampler, offset):
    values = [gap_fraction(Z + to, sampler=sampler, random_state=0) for to in (0, offset)]
    assert values[1] == pytest.approx(values[0], abs=0.01)


EVERY = {
    "areas": lambda codes: class_areas(codes, Y),
    "classes": lambda codes: sampled_classes(codes, Y),
    "gaps": latent_gaps,
    "support": lambda codes: LatentSupport().fit(codes),
    "extent": latent_extent,
    "prior": latent_prior,
    "continuity": lambda codes: latent_continuity(same, codes),
    "neighbors": lambda codes: trustworthiness(X, codes),
    "rows": lambda codes: neighborhood_continuity(codes, Z),
    "quality": lambda codes: sample_quality(codes, Z),
}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [1e154, 1e200, 1e-200])
def test_numbers_that_squares_cannot_hold(name, size):
    with pytest.raises(ValueError, match=r"X\w* must (not exceed|differ by) 1e.*a constant"):
        EVERY[name](Z * size)


@pytest.mark.parametrize("size", [1e99, 1e-99])
def test_numbers_that_squares_hold(size):
    codes = Z * size
    assert class_area_imbalance(codes, Y) == pytest.approx(class_area_imbalance(Z, Y))
    assert trustworthiness(X, codes) == trustworthiness(X, Z)
    for sampler in ("box", "gmm", "kde"):
        first, second = (gap_fraction(rows, sampler=sampler, random_state=0) for rows in (Z, codes))
        assert first == pytest.approx(second, abs=0.01)
    for metric in (prior_mismatch, unbounded_extent):
        assert 0 <= metric(codes) <= 1


def test_huge_points():
    with pytest.raises(ValueError, match="X must not exceed"):
        LatentSupport().fit(Z).predict([[1e155, 0]])
    with pytest.raises(ValueError, match="the sampler's draws must not exceed"):
        gap_fraction(Z, sampler=Z * 1e200)
    with pytest.raises(ValueError, match="the output of decode must not exceed"):
        latent_continuity(lambda codes: codes * 1e200, Z)
    with pytest.raises(ValueError, match="X_latent_std must not exceed"):
        latent_prior(Z, X_latent_std=np.full(Z.shape, 1e200))
    with pytest.raises(ValueError, match="X_latent_std must be 1e-50 or more"):
        latent_prior(Z, X_latent_std=np.full(Z.shape, 1e-200))


def test_one_far_code_and_a_mixture():
    value = gap_fraction(np.r_[Z, [[1e9, 1e9]]], sampler="gmm", random_state=0)
    assert 0 <= value <= 1


# Samplers.


@pytest.mark.parametrize("table", [pd.DataFrame, torch.tensor, list])
def test_tables_of_draws_are_draws(table):
    draws = table(normal(50, 2, 5))
    result = latent_gaps(Z, sampler=draws, n_resamples=0)
    assert result.sampler == "array"
    np.testing.assert_array_equal(result.draws, normal(50, 2, 5))


def test_frames_of_other_libraries_are_draws():
    assert latent_gaps(Z, sampler=polars.DataFrame(Z), n_resamples=0).sampler == "array"


def test_tensors_that_numpy_cannot_take():
    for draws in (torch.randn(50, 2, requires_grad=True), torch.randn(50, 2).bfloat16()):
        for sampler in (draws, lambda n, draws=draws: draws):
            assert latent_gaps(Z, sampler=sampler, n_resamples=0).draws.shape == (50, 2)


@pytest.mark.parametrize("sampler", [GaussianMixture, None, 5])
def test_what_is_no_sampler(sampler):
    with pytest.raises(TypeError, match="sampler must be a name, an instance"):
        gap_fraction(Z, sampler=sampler)


def test_draws_that_are_not_there():
    with pytest.raises(ValueError, match="the sampler's draws has 0 rows"):
        gap_fraction(Z, sampler=np.zeros((0, 2)))
    with pytest.raises(ValueError, match="sampler's draws contains NaN") as caught:
        gap_fraction(Z, sampler=[[0, np.nan]])
    assert "Imputer" not in str(caught.value)


def test_names_of_samplers():
    assert sampler_name(lambda n: n) == "function"
    assert sampler_name(same) == "same"
    assert sampler_name(GaussianMixture()) == "GaussianMixture"


# Parameters.


NOT_NUMBERS = [
    ("level", lambda value: latent_extent(Z, level=value)),
    ("confidence_level", lambda value: latent_gaps(Z, confidence_level=value)),
    ("step", lambda value: latent_continuity(same, Z, step=value)),
    ("jump", lambda value: latent_continuity(same, Z, jump=value)),
    ("threshold", lambda value: active_units(Z, threshold=value)),
    ("alpha", lambda value: gap_fraction(Z, alpha=value)),
    ("alpha", lambda value: LatentSupport(alpha=value).fit(Z)),
]


@pytest.mark.parametrize(("name", "call"), NOT_NUMBERS)
@pytest.mark.parametrize("value", [np.nan, np.inf, np.float32("nan")])
def test_not_a_number(name, call, value):
    with pytest.raises(ValueError, match=name):
        call(value)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("k", lambda: gap_fraction(Z, k=True)),
        ("k", lambda: LatentSupport(k=True).fit(Z)),
        ("k", lambda: class_areas(Z, Y, k=True)),
        ("n_draws", lambda: gap_fraction(Z, n_draws=True)),
        ("n_resamples", lambda: latent_gaps(Z, n_resamples=False)),
        ("n_neighbors", lambda: trustworthiness(X, Z, n_neighbors=np.True_)),
        ("alpha", lambda: gap_fraction(Z, alpha=True)),
    ],
)
def test_bools_are_no_numbers(name, call):
    with pytest.raises(TypeError, match=f"^{name} must be an instance of (int|float), not bool"):
        call()


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "target must be", lambda: class_areas(Z, Y, target={0: 1})),
        (TypeError, "target must be", lambda: sampled_classes(Z, Y, target=["a", "b"])),
        (TypeError, "decode must be a function", lambda: latent_continuity(None, Z)),
        (TypeError, "decode must be a function", lambda: latent_continuity(3, Z)),
        (TypeError, "decode must be a function", lambda: sampled_classes(Z, Y, decode=3)),
        (TypeError, "feature_map must be a fun", lambda: sample_quality(X, X, feature_map=3)),
        (ValueError, "X_latent has 6 rows", lambda: class_areas(Z[:6], Y[:6])),
        (ValueError, "X_latent: Expected 2D", lambda: gap_fraction(Z[:, 0])),
        (ValueError, "X_latent: could not conv", lambda: gap_fraction([["a"]] * 30)),
        (ValueError, "random_state", lambda: gap_fraction(Z, random_state=-1)),
        (TypeError, "int, or 'auto'. Got 'foo'", lambda: gap_fraction(Z, max_samples="foo")),
        (TypeError, "int, or 'auto'. Got 'foo'", lambda: class_areas(Z, Y, max_samples="foo")),
        (ValueError, "reference must be", lambda: latent_extent(Z, reference=np.zeros(2))),
        (ValueError, "method must be", lambda: class_areas(Z, Y, method=np.zeros(2))),
        (ValueError, "prior must be", lambda: latent_prior(Z, prior=np.zeros(2))),
        (ValueError, "inconsistent numbers", lambda: gap_fraction(Z, Y[1:])),
        (ValueError, "inconsistent numbers", lambda: latent_gaps(Z, Y[1:])),
        (ValueError, "inconsistent numbers", lambda: unbounded_extent(Z, Y[1:])),
        (ValueError, "inconsistent numbers", lambda: prior_mismatch(Z, Y[1:])),
    ],
)
def test_errors_name_the_parameter(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_output_is_not_to_be_imputed():
    with pytest.raises(ValueError, match="output of decode contains NaN") as caught:
        latent_continuity(lambda codes: codes * np.nan, Z)
    assert "Imputer" not in str(caught.value)
    with pytest.raises(ValueError, match="SimpleImputer"):
        gap_fraction(np.where(Z[0, 0] == Z, np.nan, Z))


def test_failed_refit_changes_nothing():
    support = LatentSupport().fit(Z)
    before = vars(support).copy()
    with pytest.raises(ValueError, match="collapsed"):
        support.fit(np.ones((50, 3)))
    assert vars(support) == before
    assert support.predict(Z[:3]).shape == (3,)


# Floors and intervals at their limits.


def test_floors_stay_in_the_range_of_the_value():
    with pytest.warns(UserWarning, match="10 rows only"):
        assert latent_gaps(Z[:10], k=1, alpha=0.99, n_draws=1, n_resamples=0).floor <= 1
    assert sampled_classes(Z, Y, n_draws=1, random_state=0).floor <= 0.5
    assert sampled_classes(Z, Y, n_draws=1, target=[3, 1], random_state=0).floor <= 0.75


@pytest.mark.parametrize("n_draws", [1, 2, 8])
@pytest.mark.parametrize("sampler", ["resample", "box"])
def test_interval_of_few_draws(n_draws, sampler):
    for seed in range(8):
        result = latent_continuity(
            same, normal(25, 2), sampler=sampler, n_draws=n_draws, random_state=seed
        )
        assert 0 <= result.interval[0] <= result.value <= result.interval[1] < 1


class Embedding(BaseEstimator):
    """Neither transforms nor draws."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self


def test_scorer_of_sparse_rows():
    from scipy.sparse import csr_matrix

    from skae.metrics import latent_scorer

    class Model(PCA):
        def sample(self, n_samples, random_state=None):
            return normal(n_samples, 4)

    rows = csr_matrix(X)
    model = Model(2).fit(X)
    score = latent_scorer("sample_quality", greater_is_better=True, n_resamples=0, random_state=0)
    assert score(model, rows) == score(model, X)
    assert 0 < sample_quality(rows, rows, max_samples=50, n_resamples=0).value <= 1


def test_scorer_errors_fit_scorers():
    from skae.metrics import latent_scorer

    with pytest.raises(TypeError, match="instead of an estimator"):
        latent_scorer(gap_fraction)(Embedding().fit(X), X)
    with pytest.raises(TypeError, match="instead of an estimator"):
        latent_scorer("sample_quality")(Embedding().fit(X), X)


def test_a_class_of_many_is_named_once(recwarn):
    codes = np.r_[normal(300, 2), normal(80, 2, 1)]
    y = np.r_[np.full(300, -1), np.arange(80) // 2]
    sampled_class_imbalance(codes, y)
    assert len(recwarn) == 1
    with pytest.warns(UserWarning, match=r"Classes 0 \(2 codes\), .* and 30 more are left out"):
        class_areas(codes, y, n_resamples=0)
    assert "9 (2 codes) and 30 more are a minority" in str(recwarn[0].message)


def test_collapsed_classes_are_named_together():
    codes = np.r_[normal(100, 2), np.ones((10, 2)), np.zeros((10, 2))]
    y = np.r_[np.zeros(100, dtype=int), np.repeat([1, 2], 10)]
    with pytest.warns(UserWarning, match="Classes 1, 2 have collapsed to one point") as caught:
        class_areas(codes, y)
    assert len(caught) == 1
