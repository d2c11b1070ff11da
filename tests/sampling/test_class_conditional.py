"""ClassConditionalDensity: which classes come, and what happens without."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from skae.sampling import ClassConditionalDensity, GaussianMixtureDensity

RNG = np.random.RandomState(0)
LABELS = np.array(["a", "b", "c"])
Y = np.repeat(LABELS, [100, 60, 40])
CENTRES = np.array([[0, 0], [20, 0], [0, 20]])
CODES = RNG.standard_normal((200, 2)) + np.repeat(CENTRES, [100, 60, 40], axis=0)


def classes_of(draws):
    distances = np.linalg.norm(draws[:, None] - CENTRES, axis=2)
    return LABELS[distances.argmin(axis=1)]


@pytest.fixture(scope="module")
def law():
    return ClassConditionalDensity(random_state=0).fit(CODES, Y)


def test_every_draw_is_of_the_class_asked_for(law):
    wanted = RNG.choice(LABELS, 200)
    np.testing.assert_array_equal(classes_of(law.sample(200, random_state=0, y=wanted)), wanted)
    assert set(classes_of(law.sample(50, random_state=0, y="b"))) == {"b"}


def test_classes_come_by_their_frequency(law):
    np.testing.assert_allclose(law.class_prior_, [0.5, 0.3, 0.2])
    came = classes_of(law.sample(5000, random_state=0))
    np.testing.assert_allclose([(came == c).mean() for c in LABELS], [0.5, 0.3, 0.2], atol=0.03)


def test_draws_of_a_class_come_in_random_order():
    two_clumps = np.vstack([CODES[:100], CODES[:100] + 50])
    law = ClassConditionalDensity(random_state=0).fit(two_clumps, np.zeros(200, dtype=int))
    far = law.sample(1000, random_state=0, y=0)[:500, 0] > 25
    assert 0.4 < far.mean() < 0.6


def test_classes_of_one_and_two_codes():
    y = np.r_[np.zeros(197), [1, 2, 2]].astype(int)
    law = ClassConditionalDensity(random_state=0).fit(CODES, y)
    draws = law.sample(20, random_state=0, y=1)
    np.testing.assert_allclose(draws, np.tile(CODES[197], (20, 1)), atol=1e-3)
    assert np.isfinite(law.sample(20, random_state=0, y=2)).all()
    assert np.isfinite(law.score_samples(CODES)).all()


@pytest.mark.parametrize(
    "y", [None, RNG.standard_normal(200), np.zeros((200, 2))], ids=["none", "continuous", "columns"]
)
def test_without_classes_there_is_one_density(y):
    law = ClassConditionalDensity(random_state=0).fit(CODES, y)
    assert law.classes_ is None
    expected = GaussianMixtureDensity(random_state=0).fit(CODES)
    np.testing.assert_allclose(law.score_samples(CODES), expected.score_samples(CODES))
    with pytest.raises(ValueError, match="no class labels were given to fit"):
        law.sample(3, y="a")


@pytest.mark.parametrize("y", [[0.0, 1.0], [False, True], [2, 5]])
def test_labels_of_any_type(y):
    law = ClassConditionalDensity(random_state=0).fit(CODES[[0, 1, 100, 101]], np.repeat(y, 2))
    draws = law.sample(2, random_state=0, y=np.array(y))
    assert draws[0, 0] < 10 < draws[1, 0]


def test_errors_name_the_label_and_the_classes(law):
    with pytest.raises(ValueError, match=r"seen in fit, \['a', 'b', 'c'\]. Got 'd' instead"):
        law.sample(2, y=["a", "d"])
    with pytest.raises(ValueError, match=r"seen in fit, .* Got 1 instead"):
        law.sample(2, y=1)
    with pytest.raises(ValueError, match=r"n_samples=3 draws. Got shape \(2,\) instead"):
        law.sample(3, y=["a", "b"])
    with pytest.raises(ValueError, match=r"each of 200 rows. Got shape \(199,\) instead"):
        ClassConditionalDensity().fit(CODES, Y[:-1])


@pytest.mark.parametrize(
    "y",
    [
        np.array(["a", None, "b", "a"], dtype=object),
        np.array([1.0, np.nan, 2.0, 1.0]),
        pd.Series(["a", pd.NA, "b", "a"], dtype="string"),
        pd.Series([1, pd.NA, 2, 1], dtype="Int64"),
    ],
    ids=["None", "NaN", "NA of strings", "NA of integers"],
)
def test_missing_labels_are_named(y):
    with pytest.raises(ValueError, match="y contains"):
        ClassConditionalDensity().fit(np.eye(4), y)


def test_labels_that_are_none():
    with pytest.raises(ValueError, match="y must hold one label for each row"):
        ClassConditionalDensity().fit(np.eye(2), [[1], [2, 3]])
    law = ClassConditionalDensity().fit(np.eye(4), ["a", "a", "b", "b"])
    with pytest.raises(ValueError, match="y must hold labels seen in fit"):
        law.sample(2, y={"a": 1})


def test_counts_are_no_classes():
    """A target of whole numbers, nearly all different, is continuous; ten digits are not."""
    X, y = load_diabetes(return_X_y=True)
    assert ClassConditionalDensity().fit(X[:, :2], y).classes_ is None
    digits = np.repeat(np.arange(10.0), 20)
    codes = np.random.RandomState(0).standard_normal((200, 2))
    assert len(ClassConditionalDensity().fit(codes, digits).classes_) == 10
