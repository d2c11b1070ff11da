"""The networks: builders, standardization, and the autoencoders that join two networks.

Built-in networks work on *standardized* rows ``(x - center) / scale``, with one scale
for all features. Modules given by the user speak the units of X on both sides, so what
`public_encoder` returns after training keeps the contract of what was passed in.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import nn

from .noise import InputNoise, bank, bank_size, fixed_bank, key_axes, noise_for, row_numbers
from .posteriors import LOG_VARIANCES, DrawsPass, Posterior

__all__ = [
    "ACTIVATIONS",
    "Autoencoder",
    "Perceptron",
    "VariationalAutoencoder",
    "user_module",
]

ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


# Size of the nonlinear part at the start, relative to that of He et al.
START_SIZE = 0.1

# Share of the variance that counts as left at least, so that it never starts at zero.
SMALLEST_SHARE = 1e-6


class Perceptron(nn.Module):
    """A multilayer perceptron beside a linear path: ``W x + mlp(x)``.

    Without hidden layers there is only the linear path, ``W x + b``. Weights start with variance
    2 / n_inputs, which keeps the signal through deep networks [K. He et al., "Delving deep
    into rectifiers", ICCV 2015]; the first one with variance ``first_gain² / n_inputs``.
    """

    def __init__(self, widths, activation, first_gain=1.0):
        super().__init__()
        # In float32 whatever torch's default is, so that a seed means the same weights.
        linear = partial(nn.Linear, dtype=torch.float32)
        self.linear = linear(widths[0], widths[-1], bias=len(widths) == 2)
        layers = []
        for n_in, n_out in pairwise(widths):
            layers += [linear(n_in, n_out), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers[:-1]) if len(widths) > 2 else None
        self._initialize([] if self.layers is None else layers[::2], first_gain)

    @torch.no_grad()
    def _initialize(self, layers, first_gain):
        gains = [first_gain, *[2**0.5] * len(layers)]
        for layer, gain in zip(layers, gains, strict=False):
            layer.weight.normal_(std=gain / layer.in_features**0.5)

    def forward(self, x):
        if self.layers is None:
            return self.linear(x)
        return self.linear(x) + self.layers(x)

    @torch.no_grad()
    def start_at(self, weight, bias=0.0, *, left=1.0):
        """Start near a linear map, and on it at 0.

        Outputs that weight does not cover start at random, inputs with no effect.

        Near it only: where the gradient is exactly zero, Adam would amplify rounding. But
        the nearer, the smaller the share of the variance that the map has ``left``.
        """
        size = START_SIZE * max(left, SMALLEST_SHARE) ** 0.5
        rows, columns = weight.shape
        self.linear.weight[:rows, :columns] = weight
        self.linear.weight[:, columns:] = 0
        last = self.linear if self.layers is None else self.layers[-1]
        last.bias.zero_()
        if self.layers is not None:
            last.weight.mul_(size)
            last.bias.sub_(self.layers(torch.zeros_like(self.linear.weight[:1]))[0])
        last.bias.add_(bias)

    @torch.no_grad()
    def straighten(self):
        """Leave only the linear path and, of the hidden layers, what they give at 0."""
        if self.layers is not None:
            last = self.layers[-1]
            bias = self.layers(torch.zeros_like(self.linear.weight[:1]))[0]
            last.weight.zero_()
            last.bias.copy_(bias)


def at_rest(module):
    """The module with dropout and its like off; `eval` takes its time even where they are."""
    return module.eval() if any(part.training for part in module.modules()) else module


def user_module(name, module, n_in, n_out, dtype):
    """The user's module, or what the user's factory builds, if it maps n_in to n_out columns."""
    if not isinstance(module, nn.Module):
        module = _call_factory(name, module, n_in, n_out)
    module = module.to(dtype)
    _check_width(name, module, torch.zeros(2, n_in, dtype=dtype), n_out)
    return module


def _call_factory(name, factory, n_in, n_out):
    """What the user's callable builds for these widths."""
    expected = (
        f"`{name}` must be a torch.nn.Module, or a callable that returns one when called as "
        f"{name}({n_in}, {n_out}), with the widths of input and output. "
    )
    try:
        module = factory(n_in, n_out)
    except Exception as error:
        raise TypeError(f"{expected}Got a callable that raised {error!r} instead.") from error
    if not isinstance(module, nn.Module):
        raise TypeError(f"{expected}Got a callable that returned {module!r} instead.")
    return module


def _apply(name, module, x):
    """``module(x)``; whatever it raises names the module."""
    try:
        return module(x)
    except Exception as error:
        raise ValueError(
            f"`{name}` failed on an input of shape {tuple(x.shape)}: {error}"
        ) from error


def _check_width(name, module, x, n_out):
    """Run two rows through the module, and raise unless two rows of n_out columns come back."""
    n_in = x.shape[1]
    with torch.no_grad():
        output = _apply(name, module.eval(), x)
    shape = tuple(getattr(output, "shape", ()))
    if shape != (2, n_out):
        raise ValueError(
            f"`{name}` must map rows of {n_in} columns to rows of {n_out} columns. "
            f"Got an output of shape {shape} for an input of shape (2, {n_in}) instead."
        )


class Standardize(nn.Module):
    """``(x - center) / scale``: center of shape (n_features,), scale one number."""

    def __init__(self, center, scale):
        super().__init__()
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)

    def forward(self, x, out=None):
        return torch.sub(x, self.center, out=out).div_(self.scale)


class Unstandardize(nn.Module):
    """``center + scale * x``, the inverse of a `Standardize`, which it follows."""

    def __init__(self, standardize):
        super().__init__()
        self.standardize = standardize

    def forward(self, x):
        axes = self.standardize
        return (axes.scale * x).add_(axes.center)


class Autoencoder(nn.Module):
    """An encoder and a decoder around one standardization.

    Parameters
    ----------
    encoder, decoder : nn.Module
        Built-in networks, or the user's own.
    center : tensor of shape (n_features,)
        Mean of the features.
    scale : tensor of shape ()
        Root mean square spread of the features.
    link : nn.Module
        From the decoder's output to the mean of x: a sigmoid for logits, or identity.
    own_encoder, own_decoder : bool
        Whether the network is the user's, in units of X.
    fitting_noise : float
        The ``noise`` that suits the data.

    Attributes
    ----------
    noise : float
        Standard deviation of the Gaussian noise on standardized input at training.
    input_noise : InputNoise or None
        What it is made of in a run of training; drawn anew for every batch if None.
    has_logits : bool
        Whether the decoder's output is a logit, which has no unit.
    """

    noise, input_noise = 0.0, None

    def __init__(
        self,
        encoder,
        decoder,
        center,
        scale,
        link,
        own_encoder=False,
        own_decoder=False,
        fitting_noise=0.0,
    ):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.link = link
        self.standardize = Standardize(center, scale)
        self.unstandardize = Unstandardize(self.standardize)
        self.dtype = center.dtype
        self.own_encoder = own_encoder
        self.own_decoder = own_decoder
        self.fitting_noise = fitting_noise
        self.has_logits = not isinstance(link, nn.Identity)
        # The networks that the public ones were built around, and these. In a dict, so that
        # torch does not find their parameters twice.
        self._public = {"encoder": (None, None), "decoder": (None, None)}

    def set_precision(self, dtype):
        """Compute in it from where rows are standardized, which they are in their own."""
        self.encoder.to(dtype)
        self.decoder.to(dtype)
        self.dtype = dtype

    def straighten(self):
        """Leave only the linear paths of built-in networks: PCA, where they start at it."""
        self.encoder.straighten()
        self.decoder.straighten()
        return self

    def standardized(self, x, out=None):
        """Rows as the networks take them, in the memory of ``out`` unless that is None."""
        if out is None:
            return self.standardize.forward(x).to(self.dtype)
        if out.dtype == x.dtype:
            return self.standardize.forward(x, out)
        # Differences may be too small for another precision.
        return out.copy_(self.standardize.forward(x))

    @property
    def takes_rows(self):
        """Whether training takes the rows themselves, beside what `prepared` makes of them."""
        return self.own_encoder or self.has_logits

    def numbers(self, x):
        """Those that noise belongs to, see `row_numbers`; None where there is no such noise."""

    def prepared(self, x, out=None):
        """What training takes of rows: `standardized`, and their `numbers`."""
        return self.standardized(x, out), self.numbers(x)

    def forward(self, x):
        """Codes, decoder's output and its target, the last two comparable by a loss."""
        standard, numbers = self.prepared(x)
        latent = self.latent(self.encode(self.corrupted(x, standard)), numbers)
        output = self.decode(self.decoder_input(latent))
        return self.prediction(latent, output, x, standard)

    def corrupted(self, x, standard, out=None):
        """What the encoder gets of rows: with noise in training, if there is to be any.

        With noise, in the memory of ``out`` unless that is None.
        """
        # The user's encoder gets a copy: it may work in place.
        inputs = x.clone() if self.own_encoder else standard
        if not (self.training and self.noise):
            return inputs
        unit = self.standardize.scale.item() if self.own_encoder else 1.0
        if self.input_noise is None:
            vectors = torch.randn_like(inputs)
        else:
            vectors = self.input_noise.for_batch(x.shape[0])
        return torch.add(inputs, vectors, alpha=self.noise * unit, out=out)

    def renew_noise(self, rows, batch_size, n_epochs):
        """Prepare the noise of an epoch of the rows, of so many."""
        if not self.noise:
            return
        if self.input_noise is None:
            dtype = self.standardize.center.dtype if self.own_encoder else self.dtype
            self.input_noise = InputNoise(
                rows, batch_size, n_epochs, self.standardize.center.to(dtype)
            )
        self.input_noise.renew()

    def forget_noise(self):
        """Let go of what `renew_noise` prepared."""
        self.input_noise = None

    def __getstate__(self):
        # Callbacks may save the net in training, and go on with other rows.
        return {**vars(self), "input_noise": None}

    def encode(self, inputs):
        """The encoder's output."""
        return _apply("encoder", self.encoder, inputs)

    def codes(self, x):
        """Codes of rows."""
        return self.encode(self.corrupted(x, self.standardized(x)))

    def latent(self, encoded, numbers):
        """What the encoder's output for rows of these numbers means: codes."""
        return encoded

    def decoder_input(self, latent):
        """What the decoder gets."""
        return latent

    def latent_pass(self):
        """Forward and backward pass between the networks."""
        return CodesPass()

    def decode(self, inputs):
        """The decoder's output, standardized or logits."""
        output = _apply("decoder", self.decoder, inputs)
        return self.standardize(output) if self.own_decoder and not self.has_logits else output

    def prediction(self, latent, output, x, standard):
        """What a loss takes."""
        return latent, output, self.target(x, standard)

    def target(self, x, standard):
        """What the decoder's output is to hit of rows x."""
        return x.to(standard) if self.has_logits else standard

    def unit(self, likelihood):
        """What turns a standardized loss into one in units of X."""
        return float(self.standardize.scale) ** likelihood.unit_power

    def public_encoder(self):
        """Module from rows in units of X to codes, at rest (no dropout)."""
        public = self._kept("encoder", self.code_encoder)
        return at_rest(public) if self.own_encoder else public

    def public_decoder(self):
        """Module from codes to the mean of x, in units of X, at rest."""
        public = self._kept("decoder", self.mean_decoder)
        return at_rest(public) if self.own_decoder else public

    def _kept(self, name, build):
        """A public module, built once for each network: it takes as long as a small layer."""
        network, public = self._public[name]
        if network is not getattr(self, name):
            public = build().eval()
            self._public[name] = getattr(self, name), public
        return public

    def code_encoder(self):
        """Module from rows in units of X to codes."""
        return self.encoder if self.own_encoder else nn.Sequential(self.standardize, self.encoder)

    def mean_decoder(self):
        """Module from codes to the mean of x, in units of X."""
        decoder = self.output_decoder()
        return nn.Sequential(decoder, self.link) if self.has_logits else decoder

    def output_decoder(self):
        """Module from codes to the decoder's output: the mean in units of X, or its logit."""
        decoder = self.decoder
        if not (self.own_decoder or self.has_logits):
            decoder = nn.Sequential(decoder, self.unstandardize)
        return decoder.eval()


class CodesPass:
    """The way from the encoder's output to the decoder's input: they are one."""

    # It keeps nothing of a batch.
    draws = None

    def way_of(self, n, encoder, decoder):
        """The same for any number of rows, and any ways through the networks."""
        return self

    def forward(self, encoded, numbers):
        """What comes in."""
        return encoded

    def backward(self, of_codes, of_latent):
        """Gradient of what came in, from that of the codes by way of the decoder, and beside it."""
        return of_codes if of_latent is None else of_codes + of_latent


class VariationalAutoencoder(Autoencoder):
    """An encoder of means and log-variances, and a decoder, around one standardization.

    The encoder's output has ``2 * n_components`` columns. The draw from a posterior takes
    its noise from the row it belongs to, so that equal rows have equal draws. Between the
    networks and the latent space every axis is shifted and scaled, see `place`.

    Parameters
    ----------
    *args, **kwargs
        Of `Autoencoder`.
    dispersion : tensor of shape ()
        Noise variance (``'gaussian'``) or scale (``'laplace'``) at the start, standardized.
    n_components : int
        Size of a code.
    beta : float or None
        Weight of the KL term that belongs to the data, see `EvidenceBound`; None if it was not
        asked for.

    Attributes
    ----------
    vectors : tensor of shape (n_vectors, n_components) or None
        The bank that noise comes from in training; drawn anew for every batch if None.
    optimism : float
        How much more the loss of new rows is than that of rows trained on, as far as known.
    is_ppca : bool
        Whether this is probabilistic PCA, and to stay that.
    """

    vectors, optimism, is_ppca = None, 1.0, False

    def __init__(self, *args, dispersion, n_components, beta, **kwargs):
        super().__init__(*args, **kwargs)
        self.beta = beta
        self.register_buffer("dispersion", dispersion)
        self.key = Standardize(*key_axes(self.standardize.center, self.standardize.scale))
        axes = dispersion.new_zeros(n_components), dispersion.new_ones(n_components)
        self.to_latent = Standardize(*axes)
        self.from_latent = Unstandardize(self.to_latent)

    def set_precision(self, dtype):
        super().set_precision(dtype)
        self.to_latent.to(dtype)

    def latent(self, encoded, numbers):
        """A `Posterior` that is not decoded yet."""
        mean, log_variance = encoded.chunk(2, dim=1)
        log_variance = log_variance.clamp(*LOG_VARIANCES)
        noise = noise_for(numbers, self.bank_of(mean))
        codes = torch.addcmul(mean, (log_variance * 0.5).exp_(), noise)
        axes = self.to_latent
        parts = mean, log_variance, axes.center, axes.scale, self.dispersion
        return Posterior((codes, None, None, *parts))

    def bank_of(self, codes):
        """Where the noise of draws comes from, in their precision."""
        vectors, n_components = self.vectors, codes.shape[1]
        if not self.training:
            vectors = fixed_bank(n_components, codes)
        return bank(n_components, codes) if vectors is None else vectors

    def numbers(self, x):
        return row_numbers(self.key.forward(x))

    def renew_noise(self, rows, batch_size, n_epochs):
        super().renew_noise(rows, batch_size, n_epochs)
        axes = self.to_latent.center
        self.vectors = bank(len(axes), axes, bank_size(len(rows)))

    def forget_noise(self):
        super().forget_noise()
        self.vectors = None

    def posterior(self, x, standard):
        """Means and log-variances, both of shape (n, n_components)."""
        return self.axes(self.encode(self.corrupted(x, standard)))

    def axes(self, encoded):
        """Means and log-variances along the axes of the latent space."""
        mean, log_variance = encoded.chunk(2, dim=1)
        shift = 2 * self.to_latent.scale.log()
        return self.to_latent(mean), log_variance.clamp(*LOG_VARIANCES).sub_(shift)

    def decoder_input(self, latent):
        return latent.codes

    def latent_pass(self):
        return DrawsPass(self)

    def prediction(self, latent, output, x, standard):
        return latent._replace(output=output, target=self.target(x, standard))

    @torch.no_grad()
    def place(self, center, scale):
        """Make the point ``center`` of the latent space its origin, and ``scale`` its unit.

        Both have shape (n_components,). Codes and the decoder move together: rows decode
        to what they did.
        """
        axes = self.to_latent
        axes.center.addcmul_(axes.scale, center.to(axes.center))
        axes.scale.mul_(scale.to(axes.scale))

    def code_encoder(self):
        """Module from rows in units of X to posterior means."""
        return nn.Sequential(super().code_encoder(), Means(), self.to_latent)

    def output_decoder(self):
        """Module from codes to the decoder's output: the mean in units of X, or its logit."""
        return nn.Sequential(self.from_latent, super().output_decoder()).eval()


class Means(nn.Module):
    """The first half of the columns."""

    def forward(self, x):
        return x.chunk(2, dim=1)[0]
