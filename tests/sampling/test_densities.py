"""Latent densities: each log density against its law, and against its own draws."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from skae.sampling import (
    BoxDensity,
    ClassConditionalDensity,
    GaussianMixtureDensity,
    PosteriorDensity,
    StandardNormalDensity,
    WhitenedKernelDensity,
)

RNG = np.random.RandomState(0)
Y = np.repeat([0, 1], [120, 60])
PLANE = RNG.standard_normal((180, 2)) @ [[1.0, 0.6], [0.0, 0.4]] + 3 * Y[:, None]
LINE = PLANE[:, :1]
LAWS = [
    BoxDensity(),
    StandardNormalDensity(),
    WhitenedKernelDensity(),
    GaussianMixtureDensity(random_state=0),
    GaussianMixtureDensity(1, random_state=0),
    ClassConditionalDensity(random_state=0),
    PosteriorDensity(random_state=0),
]


def fitted(law, codes, y=Y):
    if isinstance(law, PosteriorDensity):
        stds = np.random.RandomState(1).uniform(0.2, 0.6, codes.shape)
        return clone(law).fit(codes, X_std=stds)
    return clone(law).fit(codes, y[: len(codes)])


@parametrize_with_checks([law for law in LAWS if not isinstance(law, PosteriorDensity)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_integrates_to_one_on_a_line(law):
    grid = np.linspace(-12, 15, 13_501)[:, None]
    density = np.exp(fitted(law, LINE).score_samples(grid))
    assert density.sum() * (grid[1, 0] - grid[0, 0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_integrates_to_one_in_the_plane(law):
    axis = np.linspace(-7, 10, 401)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = np.exp(fitted(law, PLANE).score_samples(grid))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_draws_follow_the_density(law):
    """The share of draws in a region is the integral of the density there."""
    law = fitted(law, PLANE)
    draws = law.sample(20_000, random_state=0)
    axis = np.linspace(-1, 2, 151)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    expected = np.exp(law.score_samples(grid)).mean() * 9
    share = ((draws > -1) & (draws < 2)).all(axis=1).mean()
    assert share == pytest.approx(expected, abs=0.02)


def test_box_is_uniform_inside_and_nothing_outside():
    law = BoxDensity().fit([[0.0, 0.0], [2.0, 4.0]])
    inside, corner, outside = law.score_samples([[1, 1], [2, 4], [1, 4.1]])
    assert inside == corner == pytest.approx(-np.log(8))
    assert outside == -np.inf


def test_standard_normal_is_scipys():
    expected = stats.multivariate_normal(np.zeros(2)).logpdf(PLANE)
    np.testing.assert_allclose(
        fitted(StandardNormalDensity(), PLANE).score_samples(PLANE), expected
    )


def test_kernel_density_is_scipys():
    law, points = fitted(WhitenedKernelDensity(), PLANE), RNG.standard_normal((50, 2)) * 5
    n = len(PLANE)
    ours, theirs = law.score_samples(points), stats.gaussian_kde(PLANE.T)
    # scipy's covariance divides by n - 1.
    theirs.set_bandwidth(theirs.factor * np.sqrt((n - 1) / n))
    np.testing.assert_allclose(ours, theirs.logpdf(points.T), rtol=1e-8)


def test_mixture_is_scikit_learns():
    law = fitted(GaussianMixtureDensity(3, random_state=0), PLANE)
    theirs = GaussianMixture(3, random_state=0).fit(PLANE)
    assert law.n_components_ == 3
    np.testing.assert_allclose(law.score_samples(PLANE), theirs.score_samples(PLANE), atol=1e-3)
    assert law.score(PLANE) == pytest.approx(theirs.score(PLANE), abs=1e-3)


def test_class_conditional_is_the_sum_over_classes():
    law = fitted(ClassConditionalDensity(random_state=0), PLANE)
    parts = [np.exp(density.score_samples(PLANE)) for density in law.densities_]
    expected = 2 / 3 * parts[0] + 1 / 3 * parts[1]
    np.testing.assert_allclose(np.exp(law.score_samples(PLANE)), expected)


def test_posterior_is_the_mean_of_normal_laws(monkeypatch):
    law = fitted(PosteriorDensity(), PLANE)
    rows = zip(law.means_, law.stds_, strict=True)
    densities = [stats.multivariate_normal(m, np.diag(s**2)).pdf(PLANE[:20]) for m, s in rows]
    expected = np.log(np.mean(densities, axis=0))
    np.testing.assert_allclose(law.score_samples(PLANE[:20]), expected)
    monkeypatch.setattr("skae.sampling._posterior.BLOCK_SIZE", 7 * len(PLANE))
    np.testing.assert_allclose(law.score_samples(PLANE[:20]), expected)


def test_posteriors_narrower_than_rounding_of_squares():
    """Far from the origin, squares of codes would lose them."""
    law = PosteriorDensity().fit([[1e6], [2e6]], X_std=[[1e-4], [1e-4]])
    expected = stats.norm(1e6, 1e-4).logpdf(1e6) - np.log(2)
    assert law.score_samples([[1e6]])[0] == pytest.approx(expected)


def test_posterior_keeps_some_rows():
    stds = np.ones_like(PLANE)
    first, again, other = (
        PosteriorDensity(max_samples=10, random_state=seed).fit(PLANE, X_std=stds).means_
        for seed in (0, 0, 1)
    )
    assert first.shape == (10, 2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_posterior_errors():
    with pytest.raises(ValueError, match=r"shape \(180, 2\). Got shape \(180, 1\) instead"):
        PosteriorDensity().fit(PLANE, X_std=np.ones((180, 1)))
    with pytest.raises(ValueError, match=r"X_std must be positive\. Got a smallest value of"):
        PosteriorDensity().fit(PLANE, X_std=np.zeros_like(PLANE))


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_seeds_pickles_and_clones(law):
    law = fitted(law, PLANE)
    draws = law.sample(20, random_state=3)
    assert draws.dtype == np.float64
    np.testing.assert_array_equal(law.sample(20, random_state=3), draws)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(law)).sample(20, 3), draws)
    assert not np.array_equal(law.sample(20, random_state=4), draws)
    assert not np.array_equal(law.sample(20), law.sample(20))
    assert vars(clone(law)) == law.get_params()


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_global_random_state_stays_as_found(law):
    state = np.random.get_state()[1].copy()
    if "random_state" in law.get_params():
        law = clone(law).set_params(random_state=None)
    fitted(law, PLANE).sample(3)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


COLLAPSED = {
    "constant axis": np.c_[LINE, np.full(180, 3.0)],
    "turned line": LINE @ [[1.0, 2.0]],
    "equal codes": np.full((180, 2), 5.0),
    "fewer codes than components": RNG.standard_normal((3, 6)),
}


@pytest.mark.parametrize("name", COLLAPSED)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_collapsed_codes(law, name):
    """Draws stay on what is left, and both codes and draws have a finite density."""
    codes = COLLAPSED[name]
    law = fitted(law, codes)
    draws = law.sample(50, random_state=0)
    assert np.isfinite(law.score_samples(np.vstack([codes, draws]))).all()
    if isinstance(law, PosteriorDensity | StandardNormalDensity):
        return
    if name == "constant axis":
        np.testing.assert_allclose(draws[:, 1], 3, atol=0.02)
    if name == "equal codes":
        np.testing.assert_allclose(draws, 5, atol=1e-3)


def test_collapsed_axes_are_as_wide_in_every_law():
    """Else the law with the narrowest one would be called the likeliest."""
    codes = COLLAPSED["constant axis"]
    plane = GaussianMixtureDensity(1, random_state=0).fit(codes).score(codes)
    line = GaussianMixtureDensity(1, random_state=0).fit(LINE).score(LINE)
    for law in (WhitenedKernelDensity(), BoxDensity()):
        gained = clone(law).fit(codes).score(codes) - clone(law).fit(LINE).score(LINE)
        assert gained == pytest.approx(plane - line, abs=1)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_bad_input(law):
    law = fitted(law, PLANE)
    for n_samples in (0, 1.5):
        with pytest.raises((ValueError, TypeError), match="n_samples"):
            law.sample(n_samples)
    with pytest.raises(ValueError, match="3 features"):
        law.score_samples(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        law.score_samples([[0, np.nan]])


def test_number_of_mixture_components_is_checked():
    with pytest.raises(ValueError, match="n_components"):
        GaussianMixtureDensity("aic").fit(PLANE)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_failed_fits_leave_nothing_behind(law):
    law = clone(law)
    before = vars(law).copy()
    with pytest.raises(ValueError, match="NaN"):
        fitted_in_place(law, np.full((10, 2), np.nan))
    assert vars(law) == before
    fitted_in_place(law, PLANE)
    scores = law.score_samples(PLANE)
    with pytest.raises(ValueError, match="NaN"):
        fitted_in_place(law, np.full((10, 3), np.nan))
    np.testing.assert_array_equal(law.score_samples(PLANE), scores)


def fitted_in_place(law, codes):
    options = {"X_std": np.ones(codes.shape)} if isinstance(law, PosteriorDensity) else {}
    return law.fit(codes, **options)


def test_posteriors_need_standard_deviations():
    law = PosteriorDensity()
    with pytest.raises(ValueError, match="X_std must hold their standard deviations"):
        law.fit(PLANE)
    with pytest.raises(ValueError, match="X_std must be positive"):
        law.fit(PLANE, X_std=np.zeros(PLANE.shape))
    assert not hasattr(law, "n_features_in_")
