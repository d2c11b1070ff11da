"""AutoencoderTransformer."""

from numbers import Real

from ._base import BaseAutoencoder
from ._core.penalties import PENALTIES
from ._validation import Interval, StrOptions

__all__ = ["AutoencoderTransformer"]


class AutoencoderTransformer(BaseAutoencoder):
    """TODO."""

    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "latent_penalty": [StrOptions(set(PENALTIES)), None],
        "latent_alpha": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(128, 64),
        decoder_hidden_layer_sizes=None,
        activation="silu",
        likelihood="gaussian",
        noise=0.0,
        latent_penalty=None,
        latent_alpha=0.01,
        alpha=0.01,
        solver="adam",
        learning_rate_init=0.003,
        batch_size="auto",
        max_iter=200,
        tol=5e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        shuffle=True,
        encoder=None,
        decoder=None,
        latent_sampler="gmm",
        device="auto",
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.decoder_hidden_layer_sizes = decoder_hidden_layer_sizes
        self.activation = activation
        self.likelihood = likelihood
        self.noise = noise
        self.latent_penalty = latent_penalty
        self.latent_alpha = latent_alpha
        self.alpha = alpha
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.encoder = encoder
        self.decoder = decoder
        self.latent_sampler = latent_sampler
        self.device = device
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _penalty(self):
        return {"penalty": self.latent_penalty, "penalty_weight": self.latent_alpha}
