"""LatentDiagnostics: numbers as those of skae.metrics; what is missing leaves lines out."""

import json
import re
import subprocess
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA, KernelPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skae import AutoencoderTransformer, LatentDiagnostics
from skae.inspection import LatentComparison
from skae.metrics import (
    class_area_imbalance,
    gap_fraction,
    latent_continuity,
    prior_mismatch,
    sampled_class_imbalance,
    trustworthiness,
    unbounded_extent,
)

FAST = {"n_resamples": 0, "n_draws": 1000, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def pca(iris):
    return PCA(2).fit(iris[0])


@pytest.fixture(scope="module")
def autoencoder():
    """On digits, hardly trained, as its latent space may be anything."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, y[:400]
    est = AutoencoderTransformer(hidden_layer_sizes=(32,), max_iter=30, tol=1e9, n_iter_no_change=1)
    return est.set_params(random_state=0).fit(X), X, y


def test_numbers_are_those_of_the_metrics(autoencoder):
    est, X, y = autoencoder
    report = LatentDiagnostics.from_estimator(est, X, y, **FAST)
    Z = est.transform(X)
    draws = {"n_draws": 1000, "random_state": 0}
    assert report.extent_.value == unbounded_extent(Z)
    assert report.class_areas_.value == class_area_imbalance(Z, y, random_state=0)
    assert report.gaps_["box"].value == gap_fraction(Z, sampler="box", **draws)
    assert report.sampled_classes_["normal"].value == sampled_class_imbalance(
        Z, y, sampler="normal", **draws
    )
    assert report.prior_.value == prior_mismatch(Z, random_state=0)
    continuity = latent_continuity(est.inverse_transform, Z, random_state=0, n_resamples=0)
    assert report.continuity_.value == continuity.value
    assert report.neighbors_.trustworthiness == trustworthiness(X, Z, random_state=0)


def test_own_law_is_declared_and_others_stand_beside_it(autoencoder):
    est, X, y = autoencoder
    report = LatentDiagnostics.from_estimator(est, X, y, **FAST)
    assert report.sampler_ == "gmm"
    assert list(report.gaps_) == ["gmm", "box", "normal", "standard_normal", "interpolate"]
    assert report.gaps_["gmm"].value == gap_fraction(
        est.transform(X), sampler=report.gaps_["gmm"].draws, random_state=0
    )
    assert list(report.sampled_classes_) == list(report.gaps_)
    assert report.reference_ == "standard_normal"


def test_transformers_without_a_law_promise_nothing(iris, pca):
    report = LatentDiagnostics.from_estimator(pca, *iris, **FAST)
    assert report.sampler_ == "box"
    assert report.reference_ is None
    assert report.prior_ is None
    assert "standard_normal" not in report.gaps_
    assert "reach" not in str(report)
    asked = LatentDiagnostics.from_estimator(pca, *iris, prior="standard_normal", **FAST)
    assert asked.prior_ is not None
    assert "reach" in str(asked)


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        ("kde", "kde"),
        (GaussianMixture(2), "GaussianMixture"),
        (np.random.RandomState(0).standard_normal((75, 2)), "array"),
    ],
)
def test_declared_sampler(sampler, name, iris, pca):
    report = LatentDiagnostics.from_estimator(pca, *iris, sampler=sampler, **FAST)
    assert report.sampler_ == name
    assert f"* {name}" in str(report)


def test_missing_inputs_leave_out_lines(iris, pca):
    X, y = iris
    Z = pca.transform(X)
    report = LatentDiagnostics.from_latent(Z, **FAST)
    assert report.class_areas_ is report.sampled_classes_ is report.continuity_ is None
    assert report.quality_ is report.neighbors_ is None
    metrics = set(report.to_frame().metric)
    assert {"gap_fraction", "off_centre"} <= metrics
    assert not metrics & {"class_area_imbalance", "latent_continuity", "trustworthiness"}
    full = LatentDiagnostics.from_latent(Z, y, X=X, decode=pca.inverse_transform, **FAST)
    metrics = set(full.to_frame().metric)
    assert {"class_area_imbalance", "latent_continuity", "trustworthiness", "coverage"} <= metrics
    # One draw of posterior samples, nothing else, is random in what is missing.
    assert full.gaps_["box"].value == report.gaps_["box"].value


def test_decoder_that_was_not_fitted_is_none(iris):
    X, y = iris
    report = LatentDiagnostics.from_estimator(KernelPCA(2).fit(X), X, y, **FAST)
    assert report.continuity_ is None
    assert report.neighbors_ is not None


def test_embeddings_without_transform(iris):
    X, y = iris
    tsne = TSNE(n_iter_without_progress=50, max_iter=250, random_state=0).fit(X)
    report = LatentDiagnostics.from_estimator(tsne, X, y, **FAST)
    np.testing.assert_array_equal(report.X_latent_, tsne.embedding_)
    with pytest.raises(ValueError, match="TSNE"):
        LatentDiagnostics.from_estimator(tsne, X[:100], y[:100], **FAST)


def test_pipelines(iris):
    X, y = iris
    pipe = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    report = LatentDiagnostics.from_estimator(pipe, X, y, **FAST)
    np.testing.assert_allclose(report.X_latent_, pipe.transform(X))
    assert report.name_ == "PCA"
    assert report.quality_ is not None


class Posterior(PCA):
    """PCA with a noisy posterior, which stands for a variational model."""

    def sample_posterior(self, X, random_state=None):
        rng = np.random.RandomState(random_state)
        return self.transform(X) + 0.1 * rng.standard_normal((len(X), self.n_components_))


def test_posterior_samples_are_measured_and_means_compared_with_rows(iris):
    X, y = iris
    for steps in ([], [StandardScaler()]):
        pipe = make_pipeline(*steps, Posterior(2)).fit(X)
        report = LatentDiagnostics.from_estimator(pipe, X, y, **FAST)
        assert 0.05 < np.std(report.X_latent_ - pipe.transform(X)) < 0.15
        means = trustworthiness(X, pipe.transform(X), random_state=0)
        assert report.neighbors_.trustworthiness == means


def test_standard_deviations_of_the_posterior(iris, pca):
    X, _ = iris
    means, std = pca.transform(X), np.full((150, 2), 0.2)
    report = LatentDiagnostics.from_latent(means, X_latent_std=std, **FAST)
    assert np.std(report.X_latent_ - means) == pytest.approx(0.2, rel=0.2)
    assert report.prior_.marginal_kl is not None
    assert report.units_.kl is not None
    assert "standard_normal" in report.gaps_
    with pytest.raises(ValueError, match="X_latent_std must hold"):
        LatentDiagnostics.from_latent(means, X_latent_std=-std, **FAST)
    with pytest.raises(ValueError, match="X_latent_std must hold"):
        LatentDiagnostics.from_latent(means, X_latent_std=std[:, :1], **FAST)


def test_same_seed_same_dict(autoencoder):
    est, X, y = autoencoder
    options = {"n_resamples": 3, "n_draws": 500}
    first, second = (
        LatentDiagnostics.from_estimator(est, X, y, random_state=0, **options).to_dict()
        for _ in range(2)
    )
    assert first == second
    json.dumps(first, allow_nan=False)
    other = LatentDiagnostics.from_estimator(est, X, y, random_state=1, **options).to_dict()
    assert first != other


def test_order_of_rows_and_names_of_classes_do_not_matter(iris, pca):
    X, y = iris
    X = X + 1e-3 * np.random.RandomState(0).standard_normal(X.shape)  # no ties
    Z = pca.transform(X)
    order = np.random.RandomState(1).permutation(150)
    names = np.array(["zebra", "ant", "mole"])
    options = {"random_state": 0, "n_resamples": 4, "n_draws": 500}
    plain = LatentDiagnostics.from_latent(Z, y, X=X, **options).to_frame()
    other = LatentDiagnostics.from_latent(Z[order], names[y][order], X=X[order], **options)
    other = other.to_frame()
    for column in ("value", "ci_low", "ci_high", "floor"):
        np.testing.assert_allclose(other[column], plain[column], rtol=1e-6, atol=1e-9)


def test_frame(iris, pca):
    frame = LatentDiagnostics.from_estimator(pca, *iris, n_draws=500, random_state=0).to_frame()
    columns = "metric sampler value ci_low ci_high floor ideal unit n d note"
    assert list(frame.columns) == columns.split()
    assert (frame.n == 150).all()
    assert (frame.d == 2).all()
    gaps = frame[frame.metric == "gap_fraction"]
    assert list(gaps.sampler) == ["box", "normal", "interpolate"]
    assert ((gaps.ci_low <= gaps.value) & (gaps.value <= gaps.ci_high)).all()
    assert not frame.duplicated(["metric", "sampler"]).any()


def test_text_of_a_perfect_latent_space():
    Z = np.random.RandomState(0).standard_normal((2000, 2))
    report = LatentDiagnostics.from_latent(Z, sampler="standard_normal", prior="standard_normal")
    text = str(report)
    assert "declared sampler='standard_normal'" in text
    assert max(map(len, text.splitlines())) <= 101
    assert "not detected at n = 2000" in text
    assert "absent" not in text
    assert "scale differs" not in text
    assert "invisible at this n" in text
    assert repr(report) == "<LatentDiagnostics of codes, n=2000, d=2>"


def test_text_of_the_three_faults():
    """Two far blobs off centre, one nine times as wide as the other."""
    rng = np.random.RandomState(0)
    Z = np.vstack([rng.standard_normal((500, 2)), 9 * rng.standard_normal((500, 2)) + 60]) + 40
    y = np.repeat(["narrow", "wide"], 500)
    report = LatentDiagnostics.from_latent(Z, y, prior="standard_normal", random_state=0)
    text = str(report)
    assert "(scale differs)" in text
    assert "100% of codes outside its 99% ball (large)" in text
    assert "100% of codes have positive z0" in text
    assert "largest wide" in text
    assert "of draws of 'box' land where no code supports decoding" in text
    assert "'wide' covers" in text


def test_many_components_are_told_what_neighbours_cannot_see():
    Z = np.random.RandomState(0).standard_normal((300, 32))
    report = LatentDiagnostics.from_latent(Z, **FAST)
    assert "hollow shells in 32 dimensions" in str(report)


@pytest.mark.parametrize("d", [1, 2, 3, 16])
@pytest.mark.parametrize("labelled", [True, False])
def test_plot(d, labelled):
    rng = np.random.RandomState(0)
    Z, y = rng.standard_normal((200, d)), np.arange(200) % 10
    report = LatentDiagnostics.from_latent(
        Z, y if labelled else None, prior="standard_normal", **FAST
    )
    figure = Figure(layout="constrained")
    display = report.plot(figure=figure)
    assert list(display.displays_) == ["codes", "support", "areas", "draws"][: 4 if labelled else 2]
    assert display.figure_ is figure
    assert plt.get_fignums() == []
    figure.draw_without_rendering()
    report.plot()
    assert len(plt.get_fignums()) == 1
    plt.close("all")


def test_html(iris, pca):
    html = LatentDiagnostics.from_estimator(pca, *iris, name="<PCA>", **FAST)._repr_html_()
    assert "<pre>Latent diagnostics: &lt;PCA&gt;" in html
    assert "data:image/png;base64," in html
    assert plt.get_fignums() == []


def test_compare(autoencoder):
    est, X, y = autoencoder
    models = {"PCA": PCA(3).fit(X), "autoencoder": est, "bare": est.transform(X)}
    comparison = LatentDiagnostics.compare(models, X, y, **FAST)
    frame = comparison.to_frame()
    assert list(frame.columns) == list(models)
    reports = comparison.diagnostics
    assert (
        frame.loc[("gap_fraction", "own"), "autoencoder"]
        == reports["autoencoder"].gaps_["gmm"].value
    )
    assert frame.loc[("gap_fraction", "own"), "PCA"] == reports["PCA"].gaps_["box"].value
    assert np.isnan(frame.loc[("latent_continuity", "resample"), "bare"])
    text = str(comparison)
    assert text.splitlines()[0] == "Latent spaces side by side   n=400"
    assert "gap, own" in text
    figure = Figure(layout="constrained")
    assert comparison.plot(figure).figure_ is figure
    figure.draw_without_rendering()
    assert "base64" in comparison._repr_html_()
    assert plt.get_fignums() == []


def test_compare_asks_for_one_number_of_codes(iris, pca):
    X, y = iris
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LatentDiagnostics.compare({"PCA": pca, "other": np.ones((100, 2))}, X, y, **FAST)
    with pytest.raises(TypeError, match="models must be a dict"):
        LatentDiagnostics.compare([pca], X, y, **FAST)
    reports = {
        str(n): LatentDiagnostics.from_latent(pca.transform(X[:n]), **FAST) for n in (100, 150)
    }
    with pytest.raises(ValueError, match="equal numbers of codes"):
        LatentComparison(reports)


Z50 = np.random.RandomState(0).standard_normal((50, 2))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((Z50[:19],), {}, ValueError, "at least 20 codes. Got 19"),
        ((np.ones((50, 2)),), {}, ValueError, "collapse"),
        ((Z50, np.zeros(49)), {}, ValueError, "inconsistent|one label for each"),
        ((np.full((50, 2), np.nan),), {}, ValueError, "X_latent contains NaN.*row 0, column 0"),
        ((Z50,), {"sampler": "cube"}, ValueError, "sampler must be one of"),
        ((Z50,), {"sampler": np.ones((5, 3))}, ValueError, "as wide as the codes"),
        ((Z50,), {"prior": "cauchy"}, ValueError, "prior must be"),
        ((Z50,), {"X": np.ones((49, 3))}, ValueError, "inconsistent"),
        ((Z50,), {"decode": lambda z: z[:-1]}, ValueError, "decode must return"),
        ((Z50,), {"n_draws": 0}, ValueError, "n_draws"),
        ((Z50,), {"k": 0}, ValueError, "k == 0"),
        ((Z50,), {"alpha": 1.5}, ValueError, "alpha"),
    ],
)
def test_bad_input(arguments, options, error, message):
    with pytest.raises(error, match=message):
        LatentDiagnostics.from_latent(*arguments, **{**FAST, **options})


def test_labels_that_are_no_classes_leave_out_lines():
    y = np.random.RandomState(0).standard_normal(50)
    with pytest.warns(UserWarning, match="no vector of class labels"):
        report = LatentDiagnostics.from_latent(Z50, y, **FAST)
    assert report.class_areas_ is None
    assert "no vector of class labels" in str(report)


def test_warnings_of_metrics_come_once():
    Z = np.column_stack([Z50, np.ones(50)])
    with pytest.warns(UserWarning, match="constant along axis 2") as caught:
        LatentDiagnostics.from_latent(Z, **FAST)
    assert len(caught) == 1


def test_one_class_and_tiny_classes():
    with pytest.warns(UserWarning, match="class"):
        one = LatentDiagnostics.from_latent(Z50, np.zeros(50, int), **FAST)
    assert np.isnan(one.class_areas_.value)
    y = np.r_[np.zeros(24, int), np.ones(24, int), 2, 2]
    with pytest.warns(UserWarning, match="2"):
        LatentDiagnostics.from_latent(Z50, y, **FAST)


def test_rows_that_are_no_numbers_leave_out_lines():
    X = np.array([["a", "b"]] * 50, dtype=object)
    with pytest.warns(UserWarning, match="X is no finite numeric table"):
        report = LatentDiagnostics.from_latent(Z50, X=X, **FAST)
    assert report.neighbors_ is None


def test_no_torch_is_needed():
    code = (
        "import sys, numpy as np, skae.metrics, skae.inspection as i\n"
        "Z = np.random.RandomState(0).standard_normal((60, 2))\n"
        "str(i.LatentDiagnostics.from_latent(Z, np.arange(60) % 2, n_draws=100, n_resamples=2))\n"
        "assert not {'torch', 'skorch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_global_state_stays(iris, pca):
    state = np.random.get_state()[1].copy()
    LatentDiagnostics.from_estimator(pca, *iris, n_draws=100, n_resamples=2)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def decoder_that(error):
    class Transformer(PCA):
        def inverse_transform(self, X):
            raise error

    return Transformer(2)


@pytest.mark.filterwarnings("ignore:inverse_transform does not work")
@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(SimpleImputer(), PCA(2)),
        lambda: decoder_that(ValueError("Inverse transform not available for given metric.")),
        lambda: decoder_that(RuntimeError("anything")),
    ],
)
def test_decoders_that_do_not_work_leave_out_lines(make, iris):
    X, y = iris
    report = LatentDiagnostics.from_estimator(make().fit(X), X, y, **FAST)
    assert report.continuity_ is report.quality_ is None
    assert report.sampled_classes_["box"].decoded is None
    assert report.neighbors_ is not None


def test_decoders_of_text_leave_out_lines():
    words = ["apple", "pear", "plum", "fig", "nut"]
    rng = np.random.RandomState(0)
    texts = [" ".join(rng.choice(words, 6)) for _ in range(60)]
    lsa = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(texts)
    with pytest.warns(UserWarning, match="inverse_transform does not work|X is no finite"):
        report = LatentDiagnostics.from_estimator(lsa, texts, **FAST)
    assert report.continuity_ is None


@pytest.mark.parametrize(
    ("decode", "missing"),
    [
        (lambda z: np.zeros((len(z), 4)), "continuity left out: .*collapsed"),
        (lambda z: np.where(np.abs(z[:, :1]) > 2, np.nan, np.tile(z, 2)), "left out"),
        (lambda z: np.tile(z, 3), "Decoded codes have 6 features, X has 4"),
    ],
    ids=["constant", "NaN far out", "other width"],
)
def test_decoders_that_fail_in_places_leave_out_lines(decode, missing, iris, pca):
    X, y = iris
    Z = pca.transform(X)
    Z = Z[np.argsort(np.abs(Z[:, 0]))]  # the first ones decode
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = LatentDiagnostics.from_latent(Z, y, X=X, decode=decode, **FAST)
    assert any(re.search(missing, str(w.message)) for w in caught)
    assert report.gaps_["box"].value > 0
    assert report.sampled_classes_ is not None
    assert "left out" in str(report)


def test_few_rows_in_every_class_leave_out_lines(iris, pca):
    with pytest.warns(UserWarning, match="class areas left out"):
        report = LatentDiagnostics.from_estimator(pca, iris[0], np.arange(150) // 3, **FAST)
    assert report.class_areas_ is None
    assert "class area " not in str(report).split("note")[0]
    assert list(report.plot().displays_) == ["codes", "support", "draws"]


@pytest.mark.parametrize("kind", [object, "S5", "U5"])
def test_labels_of_any_type(kind, iris, pca):
    X, y = iris
    report = LatentDiagnostics.from_estimator(pca, X, y.astype(kind), **FAST)
    plain = LatentDiagnostics.from_estimator(pca, X, y, **FAST)
    assert report.class_areas_.value == pytest.approx(plain.class_areas_.value)
    decoded = report.sampled_classes_["box"].decoded
    np.testing.assert_allclose(decoded, plain.sampled_classes_["box"].decoded)


def test_data_frames_of_codes(iris, pca):
    X, y = iris
    Z = pca.transform(X)
    comparison = LatentDiagnostics.compare({"frame": pd.DataFrame(Z)}, X, y, **FAST)
    array = LatentDiagnostics.from_latent(Z, y, X=X, **FAST)
    assert comparison.diagnostics["frame"].gaps_["box"].value == array.gaps_["box"].value


def test_pipelines_that_end_in_embeddings_or_do_nothing_at_the_end(iris):
    X, y = iris
    tsne = make_pipeline(StandardScaler(), TSNE(max_iter=250, random_state=0)).fit(X)
    report = LatentDiagnostics.from_estimator(tsne, X, y, **FAST)
    np.testing.assert_array_equal(report.X_latent_, tsne[-1].embedding_)
    idle = make_pipeline(PCA(2), "passthrough").fit(X)
    assert LatentDiagnostics.from_estimator(idle, X, y, **FAST).name_ == "PCA"


@pytest.mark.filterwarnings("ignore::UserWarning")  # three distinct codes only
def test_sparse_codes():
    X = np.arange(60)[:, None] % 3
    report = LatentDiagnostics.from_estimator(OneHotEncoder().fit(X), X, **FAST)
    assert report.n_components_ == 3


class Halves:
    """A transformer that is no scikit-learn estimator."""

    def transform(self, X):
        return X[:, :2] / 2


def test_objects_with_transform_only(iris):
    X, y = iris
    report = LatentDiagnostics.from_estimator(Halves(), X, y, **FAST)
    np.testing.assert_array_equal(report.X_latent_, X[:, :2] / 2)


def normal(n_draws):
    """A law that is not what ``sampler='normal'`` means."""
    return np.random.RandomState(0).standard_normal((n_draws, 2)) + 50


def test_functions_called_like_a_law_do_not_replace_it(iris, pca):
    X, y = iris
    report = LatentDiagnostics.from_latent(pca.transform(X), y, sampler=normal, **FAST)
    assert report.sampler_ == "own normal"
    assert report.gaps_["own normal"].value == pytest.approx(1)
    assert report.gaps_["normal"].value < 0.5


def test_reports_without_measurements():
    empty = LatentDiagnostics()
    for use in (empty.to_dict, empty.to_frame, empty.plot, empty._repr_html_):
        with pytest.raises(NotFittedError, match="from_estimator or from_latent"):
            use()
    assert str(empty) == "LatentDiagnostics()"


def test_comparisons_need_equal_settings(iris, pca):
    Z = pca.transform(iris[0])
    reports = {str(k): LatentDiagnostics.from_latent(Z, k=k, **FAST) for k in (3, 5)}
    with pytest.raises(ValueError, match="equal numbers of codes, k and alpha"):
        LatentComparison(reports)
    with pytest.raises(ValueError, match="at least one report"):
        LatentComparison({})


def test_comparison_says_what_has_no_floor(iris, pca):
    text = str(LatentDiagnostics.compare({"PCA": pca}, *iris, **FAST))
    assert "off-centre" in text.split("no floor:")[1]
    assert max(map(len, text.splitlines())) <= 100


def test_intervals_of_the_text_are_those_asked_for(iris, pca):
    options = {"n_draws": 500, "random_state": 0}
    texts = [
        str(LatentDiagnostics.from_estimator(pca, *iris, confidence_level=level, **options))
        for level in (0.5, 0.99)
    ]
    assert "[50% intervals]" in texts[0]
    gaps = [next(line for line in text.splitlines() if "* box" in line) for text in texts]
    assert gaps[0] != gaps[1]


def test_names_are_written_on_one_line(iris, pca):
    names = np.array(["a\nb", "c", "d"])
    report = LatentDiagnostics.from_estimator(pca, iris[0], names[iris[1]], **FAST)
    assert "a b" in str(report)


def test_many_warnings_are_not_all_repeated():
    y = np.r_[np.zeros(30, int), np.ones(30, int), np.arange(2, 42)]
    Z = np.random.RandomState(0).standard_normal((100, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = LatentDiagnostics.from_latent(Z, y, **FAST)
    assert str(report).count("note:") < 12


def test_missing_labels_are_named(iris, pca):
    X, y = iris
    labels = y.astype(object)
    labels[7] = None
    with pytest.raises(ValueError, match=r"y .*row 7"):
        LatentDiagnostics.from_estimator(pca, X, labels, **FAST)


def test_decode_must_be_a_function(iris, pca):
    with pytest.raises(TypeError, match="decode must be a function"):
        LatentDiagnostics.from_latent(pca.transform(iris[0]), decode=5)


def test_names_of_models_are_literal(iris, pca):
    comparison = LatentDiagnostics.compare({"$\\frac$": pca, "b": pca}, *iris, **FAST)
    comparison.plot(Figure(layout="constrained")).figure_.draw_without_rendering()
