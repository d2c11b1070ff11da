"""Names and signatures that users rely on."""

import inspect

import pytest

import skae
import skae.inspection
import skae.metrics
import skae.sampling
from skae import AutoencoderTransformer, VariationalAutoencoderTransformer

PARAMETERS = [
    "n_components", "hidden_layer_sizes", "decoder_hidden_layer_sizes", "activation",
    "likelihood", "noise", "latent_penalty", "latent_alpha", "alpha", "solver",
    "learning_rate_init", "batch_size", "max_iter", "tol", "n_iter_no_change",
    "early_stopping", "validation_fraction", "warm_start", "shuffle", "encoder", "decoder",
    "latent_sampler", "device", "callbacks", "verbose", "random_state",
]  # fmt: skip


def test_public_names():
    assert sorted(skae.__all__) == [
        "AutoencoderTransformer", "LatentDiagnostics", "VariationalAutoencoderTransformer",
        "__version__",
    ]  # fmt: skip
    assert sorted(skae.metrics.__all__) == [
        "LatentSupport", "active_units", "class_area_imbalance", "class_areas", "gap_fraction",
        "latent_continuity", "latent_extent", "latent_gaps", "latent_prior", "latent_scorer",
        "neighborhood_continuity", "prior_mismatch", "sample_quality", "sampled_class_imbalance",
        "sampled_classes", "trustworthiness", "unbounded_extent",
    ]  # fmt: skip
    assert sorted(skae.inspection.__all__) == [
        "ClassAreaDisplay", "DecodedGridDisplay", "LatentComparison", "LatentDiagnostics",
        "LatentDiagnosticsDisplay", "LatentSpaceDisplay", "LatentSupportDisplay",
        "LossCurveDisplay", "ReconstructionDisplay", "SampledClassesDisplay",
        "SamplerRecommendation", "SamplesDisplay", "recommend_sampler",
    ]  # fmt: skip
    assert sorted(skae.sampling.__all__) == [
        "BoxDensity", "ClassConditionalDensity", "GaussianMixtureDensity", "PosteriorDensity",
        "StandardNormalDensity", "WhitenedKernelDensity", "interpolate",
    ]  # fmt: skip
    for module in (skae, skae.metrics, skae.inspection, skae.sampling):
        assert set(module.__all__) <= set(dir(module))
        assert all(hasattr(module, name) for name in module.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'skae' has no attribute 'PCA'"):
        skae.PCA  # noqa: B018


def test_parameters_and_their_constraints():
    parameters = inspect.signature(AutoencoderTransformer.__init__).parameters
    assert list(parameters)[1:] == PARAMETERS
    assert set(AutoencoderTransformer._parameter_constraints) == set(PARAMETERS)
    positional = [p.name for p in parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == ["self", "n_components"]


def test_siblings_share_names_and_defaults():
    plain, variational = (
        {name: p.default for name, p in inspect.signature(cls.__init__).parameters.items()}
        for cls in (AutoencoderTransformer, VariationalAutoencoderTransformer)
    )
    shared = [name for name in variational if name in plain]
    assert [name for name in plain if name in variational] == shared
    own = {"beta", "free_bits", "kl_warmup", "n_importance_samples"}
    assert set(variational) - set(plain) == own
    assert set(plain) - set(variational) == {"latent_penalty", "latent_alpha"}
    differing = {name for name in shared if plain[name] != variational[name]}
    assert differing == {"activation", "latent_sampler", "noise", "learning_rate_init"}


def test_method_signatures():
    signatures = {
        "fit": "(self, X, y=None, *, sample_weight=None)",
        "partial_fit": "(self, X, y=None, *, sample_weight=None)",
        "transform": "(self, X)",
        "inverse_transform": "(self, X)",
        "sample": "(self, n_samples=1, *, y=None, supported_only=False, random_state=None)",
        "interpolate": "(self, X0, X1, n_steps=10, *, method='linear')",
        "score_samples": "(self, X)",
        "score": "(self, X, y=None)",
    }
    for name, signature in signatures.items():
        assert str(inspect.signature(getattr(AutoencoderTransformer, name))) == signature


def test_fitted_attributes(quick, digits):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    for name in (
        "net_", "encoder_", "decoder_", "n_iter_", "loss_", "loss_curve_", "validation_scores_",
        "best_validation_score_", "noise_variance_", "latent_sampler_", "latent_support_",
        "n_features_in_",
    ):  # fmt: skip
        assert hasattr(est, name)
        assert not hasattr(AutoencoderTransformer(), name)


def test_html_repr_shows_the_parameters(quick):
    html = quick(likelihood="laplace")._repr_html_()
    assert "laplace" in html


SCALARS = {
    "unbounded_extent": "(X_latent, y=None, *, level=0.99)",
    "class_area_imbalance": "(X_latent, y, *, k=5, method='knn', target='uniform', "
    "max_samples='auto', random_state=None)",
    "sampled_class_imbalance": "(X_latent, y, *, sampler='box', k=5, n_draws=10000, "
    "target='uniform', max_samples='auto', random_state=None)",
    "gap_fraction": "(X_latent, y=None, *, sampler='box', k=5, alpha=0.05, n_draws=10000, "
    "max_samples='auto', random_state=None)",
    "prior_mismatch": "(X_latent, y=None, *, prior='standard_normal', max_samples=4000, "
    "random_state=None)",
    "active_units": "(X_mean, X_std=None, *, threshold=0.01)",
    "trustworthiness": "(X, X_latent, *, n_neighbors=12, max_samples=3000, random_state=None)",
    "neighborhood_continuity": "(X, X_latent, *, n_neighbors=12, max_samples=3000, "
    "random_state=None)",
}


def test_signatures_of_metrics():
    for name, signature in SCALARS.items():
        assert str(inspect.signature(getattr(skae.metrics, name))) == signature


DENSITIES = [name for name in skae.sampling.__all__ if name.endswith("Density")]


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_keep_the_protocol(name):
    density = getattr(skae.sampling, name)
    assert str(inspect.signature(density.fit)).startswith("(self, X, y=None")
    assert "(self, n_samples=1, random_state=None" in str(inspect.signature(density.sample))
    assert str(inspect.signature(density.score_samples)) == "(self, X)"


@pytest.mark.parametrize("name", [n for n in skae.inspection.__all__ if n.endswith("Display")])
def test_displays_keep_the_protocol(name):
    display = getattr(skae.inspection, name)
    assert hasattr(display, "from_estimator")
    assert hasattr(display, "from_latent") or name == "LossCurveDisplay"
    assert hasattr(display, "plot")
