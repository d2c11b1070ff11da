"""What trains an autoencoder of a given network, batch size and number of epochs: the contenders.

Each is a function of rows, a `Workload` and a device that fits, and returns a `Fitted`. What
it does besides fitting is not timed, so `Fitted` holds functions. Each imports what it takes by
itself: it runs in a process of its own.
"""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

__all__ = ["CONTENDERS", "Fitted", "Networks", "networks"]

# Draws from posteriors, and rows, that a bound is averaged over.
N_DRAWS, N_ROWS = 16, 10_000

NEVER = 10**9


class Fitted(NamedTuple):
    """A trained model."""

    reconstruct: Callable  # rows -> rows, as arrays
    elbo: Callable | None = None  # () -> nats per row of X


class Networks(NamedTuple):
    """An encoder and a decoder, both perceptrons."""

    encoder: nn.Module
    decoder: nn.Module

    def joined(self):
        """Both as one module."""
        return nn.Sequential(*self)


def perceptron(widths):
    """A perceptron with ReLU, whose last layer is linear."""
    layers = [part for pair in pairwise(widths) for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def networks(X, workload, n_outputs=1):
    """An untrained encoder, with n_outputs columns for each component, and decoder."""
    widths = (X.shape[1], *workload.hidden_layer_sizes)
    encoder = perceptron((*widths, n_outputs * workload.n_components))
    return Networks(encoder, perceptron((workload.n_components, *widths[::-1])))


@torch.no_grad()
def applied(module, X):
    """What a module makes of an array, as an array."""
    device = next(module.parameters()).device
    return module(torch.from_numpy(X).to(device)).cpu().numpy()


# -------------------------------------------------------------------- by hand


def trained(parameters, loss_of, X, workload, device):
    """Take Adam's steps on batches; a loop without anything that it could do without."""
    X = torch.from_numpy(X).to(device)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    for _ in range(workload.epochs):
        order, total = torch.randperm(len(X), device=device), 0.0
        for batch in order.split(workload.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(X[batch])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()


def lean(X, workload, device):
    """A loop over slices of a tensor, with a fused optimizer."""
    module = networks(X, workload).joined().to(device)

    def loss_of(x):
        return nn.functional.mse_loss(module(x), x)

    trained(module.parameters(), loss_of, X, workload, device)
    return Fitted(partial(applied, module))


def dataloader(X, workload, device):
    """The loop that people write."""
    from torch.utils.data import DataLoader, TensorDataset

    module = networks(X, workload).joined().to(device)
    optimizer, criterion = torch.optim.Adam(module.parameters(), lr=1e-3), nn.MSELoss()
    dataset = TensorDataset(torch.from_numpy(X))
    loader = DataLoader(dataset, batch_size=workload.batch_size, shuffle=True)
    for _ in range(workload.epochs):
        total = 0.0
        for (batch,) in loader:
            x = batch.to(device)
            optimizer.zero_grad()
            loss = criterion(module(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()
    return Fitted(partial(applied, module))


def drawn(parameters):
    """Means and log-variances of posteriors, and a draw from each."""
    mean, log_variance = parameters.chunk(2, dim=1)
    return mean, log_variance, mean + torch.exp(log_variance / 2) * torch.randn_like(mean)


def kl(mean, log_variance):
    """Mean over rows of ``KL(N(mean, exp(log_variance)) || N(0, I))``, in nats."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / 2


def lean_variational(X, workload, device):
    """The lean loop, with the noise variance that is likeliest for each batch."""
    model = networks(X, workload, n_outputs=2)
    encoder, decoder = (part.to(device) for part in model)

    def loss_of(x):
        mean, log_variance, codes = drawn(encoder(x))
        error = nn.functional.mse_loss(decoder(codes), x)
        return x.shape[1] / 2 * error.log() + kl(mean, log_variance)

    trained(model.joined().parameters(), loss_of, X, workload, device)

    def reconstruct(X):
        return applied(nn.Sequential(encoder, Means(), decoder), X)

    return Fitted(reconstruct, partial(bound, encoder, decoder, X[:N_ROWS]))


class Means(nn.Module):
    """The first half of the columns."""

    def forward(self, x):
        return x.chunk(2, dim=1)[0]


@torch.no_grad()
def bound(encoder, decoder, X):
    """Evidence lower bound of the rows at the likeliest noise variance, in nats per row."""
    x = torch.from_numpy(X).to(next(encoder.parameters()).device)
    parameters = encoder(x)
    error = np.mean(
        [nn.functional.mse_loss(decoder(drawn(parameters)[2]), x).item() for _ in range(N_DRAWS)]
    )
    nats = x.shape[1] / 2 * (np.log(2 * np.pi * error) + 1)
    return -nats - kl(*parameters.chunk(2, dim=1)).item()


# ----------------------------------------------------------------------- skae


def estimator(kind, workload, device, **options):
    """An estimator that runs all its epochs, and is left at its defaults otherwise.

    But for the activation, which is that of the loops beside it.
    """
    return kind(
        workload.n_components,
        hidden_layer_sizes=workload.hidden_layer_sizes,
        activation="relu",
        batch_size=workload.batch_size,
        max_iter=workload.epochs,
        tol=0,
        n_iter_no_change=np.inf,
        device=device,
        random_state=0,
        **options,
    )


def silently(fit, *args):
    """Fit without the warning that training has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(*args)


def skae(X, workload, device):
    """`AutoencoderTransformer`."""
    from skae import AutoencoderTransformer

    model = estimator(AutoencoderTransformer, workload, device)
    silently(model.fit, X)
    return Fitted(lambda X: model.inverse_transform(model.transform(X)))


def skae_variational(X, workload, device):
    """`VariationalAutoencoderTransformer`, with the bound itself as its objective."""
    from skae import VariationalAutoencoderTransformer

    model = estimator(VariationalAutoencoderTransformer, workload, device, beta=1.0)
    silently(model.fit, X)
    return Fitted(lambda X: model.inverse_transform(model.transform(X)), lambda: model.elbo_)


# ---------------------------------------------------- scikit-learn and skorch


def mlp_regressor(X, workload, device):
    """scikit-learn's perceptron, with X for its target; its layer of codes has a ReLU, too."""
    from sklearn.neural_network import MLPRegressor

    hidden = workload.hidden_layer_sizes
    model = MLPRegressor(
        hidden_layer_sizes=(*hidden, workload.n_components, *hidden[::-1]),
        batch_size=workload.batch_size,
        max_iter=workload.epochs,
        tol=0,
        n_iter_no_change=NEVER,
        random_state=0,
    )
    silently(model.fit, X, X)
    return Fitted(model.predict)


def skorch(X, workload, device):
    """skorch as it comes."""
    from skorch import NeuralNet

    net = NeuralNet(
        networks(X, workload).joined(),
        nn.MSELoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=workload.batch_size,
        max_epochs=workload.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        device=device,
        verbose=0,
    ).fit(X, X)
    return Fitted(net.predict)


# ------------------------------------------------------- published libraries


def pythae_parts(X, workload, n_outputs):
    """Our networks in pythae's clothes, to be given to its models."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    model = networks(X, workload, n_outputs=n_outputs)

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.layers = model.encoder

        def forward(self, x):
            names = ["embedding", "log_covariance"]
            outputs = self.layers(x).chunk(n_outputs, dim=1)
            return ModelOutput(**dict(zip(names, outputs, strict=False)))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = model.decoder

        def forward(self, z):
            return ModelOutput(reconstruction=self.layers(z))

    return Encoder(), Decoder()


def pythae(X, workload, device, name="AE", n_outputs=1):
    """pythae's trainer, which saves the model at the end; its bound has noise of variance 1."""
    import logging
    import tempfile

    from pythae import models
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig

    logging.disable(logging.CRITICAL)
    config = getattr(models, f"{name}Config")((X.shape[1],), workload.n_components)
    model = getattr(models, name)(config, *pythae_parts(X, workload, n_outputs))
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            learning_rate=1e-3,
            per_device_train_batch_size=workload.batch_size,
            num_epochs=workload.epochs,
        )
        TrainingPipeline(model, training)(X)
    layers = model.encoder.layers, *([Means()] if n_outputs == 2 else []), model.decoder.layers
    return Fitted(partial(applied, nn.Sequential(*layers)))


def pyod(X, workload, device):
    """pyod's detector: a ReLU on the codes, incomplete batches left out, rows scored in `fit`."""
    from pyod.models.auto_encoder import AutoEncoder

    model = AutoEncoder(
        hidden_neuron_list=[*workload.hidden_layer_sizes, workload.n_components],
        batch_size=workload.batch_size,
        epoch_num=workload.epochs,
        lr=1e-3,
        batch_norm=False,
        dropout_rate=0.0,
        preprocessing=False,
        optimizer_params={},
        verbose=0,
    )
    model.fit(X)
    return Fitted(partial(applied, model.model))


def encdr(X, workload, device):
    """encdr, which trains by Lightning."""
    from encdr import ENCDR

    model = ENCDR(
        hidden_dims=list(workload.hidden_layer_sizes),
        latent_dim=workload.n_components,
        batch_size=workload.batch_size,
        max_epochs=workload.epochs,
        validation_split=0.0,
        standardize=False,
        trainer_kwargs={"enable_progress_bar": False, "enable_model_summary": False},
    )
    model.fit(X)
    return Fitted(model.predict)


CONTENDERS = {
    "lean": lean,
    "skae": skae,
    "DataLoader": dataloader,
    "skorch": skorch,
    "MLPRegressor": mlp_regressor,
    "pythae": pythae,
    "pyod": pyod,
    "encdr": encdr,
    "lean VAE": lean_variational,
    "skae VAE": skae_variational,
    "pythae VAE": partial(pythae, name="VAE", n_outputs=2),
}
