"""recommend_sampler: the right law for codes of a known law, and a reason that fits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import LatentDiagnostics, VariationalAutoencoderTransformer
from skae.inspection import recommend_sampler
from skae.sampling import PosteriorDensity

RNG = np.random.RandomState(0)
NORMAL = RNG.standard_normal((600, 2))
CLUMPS = NORMAL + 10 * RNG.randint(3, size=(600, 1))
ANGLE = RNG.uniform(0, 6, 600)
SPIRAL = np.c_[ANGLE * np.cos(ANGLE), ANGLE * np.sin(ANGLE)] + 0.1 * NORMAL


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900], y[:900]


@pytest.fixture(scope="module")
def pca(digits):
    X, y = digits
    return recommend_sampler(PCA(2, random_state=0).fit(X), X, y, random_state=0)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [(NORMAL, "standard_normal"), (5 + 2 * NORMAL, "normal"), (CLUMPS, "gmm"), (SPIRAL, "gmm")],
    ids=["standard normal", "normal", "clumps", "spiral"],
)
def test_known_laws_are_recommended(codes, expected):
    recommendation = recommend_sampler(codes, random_state=0)
    assert recommendation.name == expected
    assert f"'{expected}'" in str(recommendation).splitlines()[0]


def test_classes_are_recommended_where_they_explain_the_codes(pca):
    assert pca.name == "class_conditional"
    assert "sample(n, y=label)" in pca.reason


def test_the_table_has_every_law_and_number(pca):
    frame = pca.to_frame()
    assert set(frame.index) == {
        "box", "class_conditional", "gmm", "kde", "normal", "standard_normal"
    }  # fmt: skip
    assert frame.drop(columns=["log_likelihood", "behind", "error"]).notna().all(axis=None)
    assert frame.log_likelihood["box"] == -np.inf
    assert frame.behind.min() == 0
    assert frame.gap_fraction.idxmax() == "box"


def test_shares_of_classes_sum_to_one(pca, digits):
    for shares in pca.class_shares.values():
        assert set(shares) == set(digits[1])
        assert sum(shares.values()) == pytest.approx(1)


def test_numbers_are_those_of_the_metrics(pca, digits):
    X, y = digits
    report = LatentDiagnostics.from_estimator(
        PCA(2, random_state=0).fit(X), X, y, sampler="gmm", n_resamples=0, random_state=0
    )
    gap = pca.to_frame().gap_fraction["gmm"]
    assert report.gaps_["gmm"].value == pytest.approx(gap, abs=0.02)


def test_reports_on_draws_by_class(digits):
    X, y = digits
    report = LatentDiagnostics.from_estimator(
        PCA(2, random_state=0).fit(X), X, y, sampler="class_conditional", n_resamples=0
    )
    assert report.sampler_ == "class_conditional"
    assert report.gaps_["class_conditional"].value < report.gaps_["box"].value
    assert report.quality_ is not None


def test_held_out_log_likelihood_is_that_of_the_law():
    """Mean log density of N(0, I) in two dimensions is −1 − log 2π."""
    frame = recommend_sampler(NORMAL, random_state=0).to_frame()
    expected = -np.square(NORMAL).sum(axis=1).mean() / 2 - np.log(2 * np.pi)
    assert frame.log_likelihood["standard_normal"] == pytest.approx(expected)
    assert np.isnan(frame.precision).all()


def test_laws_that_cannot_be_told_apart_are_told_so():
    recommendation = recommend_sampler(CLUMPS[:40], samplers=["gmm", "kde"], random_state=0)
    assert "cannot tell it from" in recommendation.reason


def test_gaps_bring_up_rejection():
    recommendation = recommend_sampler(SPIRAL, samplers=["normal"], random_state=0)
    assert "only law compared" in recommendation.reason
    assert "supported_only=True" in recommendation.reason


def test_bare_codes_with_rows_and_decoder(digits):
    X, y = digits
    pca = PCA(2, random_state=0).fit(X)
    options = {"samplers": ["normal", "gmm"], "random_state": 0}
    bare = recommend_sampler(
        pca.transform(X), X, y, decode=pca.inverse_transform, **options
    ).to_frame()
    fitted = recommend_sampler(pca, X, y, **options).to_frame()
    np.testing.assert_array_equal(bare, fitted)


def test_pipelines_and_autoencoders(digits, quick):
    X, y = digits[0][:200], digits[1][:200]
    pipe = make_pipeline(StandardScaler(), quick(tol=1e9, n_iter_no_change=1)).fit(X)
    recommendation = recommend_sampler(pipe, X, y, samplers=["box", "gmm"], random_state=0)
    assert recommendation.name == "gmm"


@pytest.fixture(scope="module")
def vae(digits):
    """A variational pipeline, trained for a moment."""
    est = VariationalAutoencoderTransformer(
        hidden_layer_sizes=16, max_iter=20, tol=1e9, n_iter_no_change=1, random_state=0
    )
    return make_pipeline(StandardScaler(with_std=False), est).fit(digits[0] / 16)


def test_the_aggregated_posterior_is_among_the_laws(vae, digits):
    """Its held-out likelihood is that of the law fitted on the other rows, by hand."""
    X, y = digits[0][:300] / 16, digits[1][:300]
    options = {"samplers": ["posterior", "standard_normal"], "random_state": 0}
    recommendation = recommend_sampler(vae, X, y, **options)
    frame = recommendation.to_frame()
    assert frame.gap_fraction["posterior"] < frame.gap_fraction["standard_normal"] + 0.02
    mean, std = vae[-1]._posterior(vae[:-1].transform(X))
    everywhere = PosteriorDensity().fit(mean, X_std=std).score(mean)
    assert frame.log_likelihood["posterior"] < everywhere
    with pytest.raises(ValueError, match=r"samplers must be .* Got"):
        recommend_sampler(PCA(2).fit(X), X, samplers=["posterior"])


def test_reports_on_the_aggregated_posterior(vae, digits):
    X = digits[0][:300] / 16
    options = {"sampler": "posterior", "n_resamples": 0, "random_state": 0}
    report = LatentDiagnostics.from_estimator(vae, X, **options)
    assert report.sampler_ == "posterior"
    assert report.prior_.marginal_kl >= 0  # the posteriors were known
    mean, std = vae[-1]._posterior(vae[:-1].transform(X))
    bare = LatentDiagnostics.from_latent(mean, X_latent_std=std, **options)
    assert bare.gaps_["posterior"].value == pytest.approx(report.gaps_["posterior"].value, abs=0.03)
    with pytest.raises(ValueError, match="sampler='posterior' takes a variational estimator"):
        LatentDiagnostics.from_estimator(PCA(2).fit(X), X, **options)


def test_laws_of_ones_own():
    laws = ["normal", BayesianGaussianMixture(n_components=2, random_state=0)]
    frame = recommend_sampler(CLUMPS[:300], samplers=laws, random_state=0).to_frame()
    assert list(frame.index) == ["BayesianGaussianMixture", "normal"]
    with pytest.raises(ValueError, match="estimators with fit, sample and score_samples"):
        recommend_sampler(CLUMPS[:300], samplers=[PCA()])


def test_laws_of_one_class_are_told_apart():
    laws = [GaussianMixture(k, random_state=0) for k in (1, 3)]
    frame = recommend_sampler(CLUMPS[:300], samplers=laws, random_state=0).to_frame()
    assert list(frame.index) == ["GaussianMixture 2", "GaussianMixture"]


@pytest.mark.parametrize("samplers", [None, 5, GaussianMixture(1), [GaussianMixture], []])
def test_what_are_no_laws(samplers):
    with pytest.raises(ValueError, match="samplers must be 'auto', or a list"):
        recommend_sampler(NORMAL, samplers=samplers)


def test_posterior_densities_as_instances(digits):
    X = digits[0][:200] / 16
    law = PosteriorDensity(max_samples=100)
    est = VariationalAutoencoderTransformer(
        hidden_layer_sizes=16, max_iter=4, tol=1e9, n_iter_no_change=1, kl_warmup=0,
        latent_sampler=law, random_state=0,
    ).fit(X)  # fmt: skip
    assert "PosteriorDensity" in recommend_sampler(est, X, random_state=0).to_frame().index
    options = {"n_resamples": 0, "random_state": 0}
    report = LatentDiagnostics.from_estimator(est, X, sampler=law, **options)
    assert report.sampler_ == "posterior"
    with pytest.raises(ValueError, match="X_std must hold their standard deviations"):
        recommend_sampler(NORMAL, samplers=[law])


def test_the_law_of_the_estimator_is_among_the_laws(digits, quick):
    X = digits[0][:200]
    est = quick(tol=1e9, n_iter_no_change=1, latent_sampler=GaussianMixture(1)).fit(X)
    assert "GaussianMixture" in recommend_sampler(est, X, random_state=0).to_frame().index


def test_rows_that_are_no_numbers_leave_out_the_quality():
    rows = np.full((600, 2), "text", dtype=object)
    options = {"samplers": ["normal"], "decode": lambda codes: codes, "random_state": 0}
    frame = recommend_sampler(NORMAL, rows, **options).to_frame()
    assert np.isnan(frame.precision["normal"])
    assert recommend_sampler(NORMAL, NORMAL, **options).to_frame().precision["normal"] > 0.8


def test_every_option_changes_something(digits):
    codes = CLUMPS[:200]
    frame = recommend_sampler(codes, random_state=0).to_frame()
    again = recommend_sampler(codes, random_state=0).to_frame()
    np.testing.assert_array_equal(frame, again)
    for options in ({"random_state": 1}, {"n_draws": 100, "random_state": 0}):
        assert not frame.equals(recommend_sampler(codes, **options).to_frame())


def test_continuous_y_is_not_used():
    frame = recommend_sampler(NORMAL, y=NORMAL[:, 0], random_state=0).to_frame()
    assert "class_conditional" not in frame.index


def test_errors():
    with pytest.raises(ValueError, match="X must be given with an estimator"):
        recommend_sampler(PCA(2).fit(NORMAL))
    with pytest.raises(TypeError, match="decode must be a function from codes to rows"):
        recommend_sampler(NORMAL, decode=3)
    with pytest.raises(ValueError, match=r"sampler must be one of .*'posterior'.* Got 'nope'"):
        LatentDiagnostics.from_latent(NORMAL, sampler="nope")
    with pytest.raises(ValueError, match="decode is for bare codes"):
        recommend_sampler(PCA(2).fit(NORMAL), NORMAL, decode=abs)
    with pytest.raises(ValueError, match=r"samplers must be .* Got \['uniform'\] instead"):
        recommend_sampler(NORMAL, samplers=["uniform"])
    with pytest.raises(ValueError, match="one label for each of 600 rows"):
        recommend_sampler(NORMAL, y=np.zeros(5))
