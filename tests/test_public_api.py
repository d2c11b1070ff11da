"""Names and signatures that users rely on."""

import inspect

import skae
from skae import AutoencoderTransformer

PARAMETERS = [
    "n_components", "hidden_layer_sizes", "decoder_hidden_layer_sizes", "activation",
    "likelihood", "noise", "latent_penalty", "latent_alpha", "alpha", "solver",
    "learning_rate_init", "batch_size", "max_iter", "tol", "n_iter_no_change",
    "early_stopping", "validation_fraction", "warm_start", "shuffle", "encoder", "decoder",
    "latent_sampler", "device", "callbacks", "verbose", "random_state",
]  # fmt: skip


def test_public_names():
    assert sorted(skae.__all__) == ["AutoencoderTransformer", "__version__"]
    assert all(hasattr(skae, name) for name in skae.__all__)


def test_parameters_and_their_constraints():
    parameters = inspect.signature(AutoencoderTransformer.__init__).parameters
    assert list(parameters)[1:] == PARAMETERS
    assert set(AutoencoderTransformer._parameter_constraints) == set(PARAMETERS)
    positional = [p.name for p in parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == ["self", "n_components"]


def test_method_signatures():
    signatures = {
        "fit": "(self, X, y=None, *, sample_weight=None)",
        "partial_fit": "(self, X, y=None, *, sample_weight=None)",
        "transform": "(self, X)",
        "inverse_transform": "(self, X)",
        "sample": "(self, n_samples=1, *, random_state=None)",
        "score_samples": "(self, X)",
        "score": "(self, X, y=None)",
    }
    for name, signature in signatures.items():
        assert str(inspect.signature(getattr(AutoencoderTransformer, name))) == signature


def test_fitted_attributes(quick, digits):
    est = quick(tol=1e9, n_iter_no_change=1).fit(digits)
    for name in (
        "net_", "encoder_", "decoder_", "n_iter_", "loss_", "loss_curve_", "validation_scores_",
        "best_validation_score_", "noise_variance_", "latent_sampler_", "n_features_in_",
    ):  # fmt: skip
        assert hasattr(est, name)
        assert not hasattr(AutoencoderTransformer(), name)


def test_html_repr_shows_the_parameters(quick):
    html = quick(likelihood="laplace")._repr_html_()
    assert "laplace" in html
