"""Posteriors of the variational model; in training, draws from them and the way back.

For small batches the many operations on few numbers that these are take as long as the networks
do. On the CPU NumPy does them, which is called in a part of torch's time, and their results go
where those of the last batch were. Components are rows here, for both libraries are quick for
long ones.
"""

from typing import NamedTuple

import torch

from .arrays import array, library_of
from .noise import noise_for

__all__ = ["LOG_VARIANCES", "Draws", "DrawsPass", "Posterior"]

# Where log-variances of posteriors end.
LOG_VARIANCES = (-30.0, 20.0)


class _Posterior(NamedTuple):
    """The fields of a `Posterior`."""

    codes: torch.Tensor  # (n, n_components), a draw from each posterior
    output: torch.Tensor | None  # (n, n_features), of the decoder; None before it was asked
    target: torch.Tensor | None  # (n, n_features)
    mean: torch.Tensor  # (n, n_components)
    log_variance: torch.Tensor  # (n, n_components)
    center: torch.Tensor  # (n_components,), where the latent space has its origin
    scale: torch.Tensor  # (n_components,), what it has for unit
    dispersion: torch.Tensor  # (), of the likelihood, standardized


class Posterior(_Posterior):
    """What the variational autoencoder makes of a batch, along the axes of its networks.

    Made of its fields one after another in an iterable, as skorch makes tuples.
    """

    def __new__(cls, fields):
        return cls._make(fields)

    def __getnewargs__(self):
        return (tuple(self),)

    def placed(self):
        """Means and log-variances along the axes of the latent space."""
        return (self.mean - self.center) / self.scale, self.log_variance - 2 * self.scale.log()


def halves(tensor):
    """Of the columns of a matrix, as rows in the same memory."""
    return [array(half).T for half in tensor.chunk(2, dim=1)]


class Draws:
    """Draws from the posteriors of n rows, and the way back.

    Parameters
    ----------
    encoded, of_encoded : tensors of shape (n, 2 * n_components)
        What comes in: means, then log-variances before they are bounded; and its gradient.
    codes : tensor of shape (n, n_components)
        Where the draws go.

    Attributes
    ----------
    log_variance : tensor of shape (n, n_components)
        Within their bounds.
    """

    def __init__(self, encoded, of_encoded, codes):
        n, n_components = codes.shape
        memory = codes.new_empty(6, n_components, n)
        self.log_variance = memory[3].t()
        arrays = array(memory)
        self.xp = library_of(arrays)
        # Those that `averages` are of; and what else of a batch is kept.
        self.offset, self.square, self.variance, self.bounded, *others = arrays
        self.matrix, (self.deviation, self.through) = arrays[:4].reshape(-1, n), others
        self.low, self.high = (array(codes.new_tensor(bound)) for bound in LOG_VARIANCES)
        self.even = array(codes.new_full((n,), 1 / n))
        self.mean, self.unbounded = halves(encoded)
        self.of_mean, self.of_unbounded = halves(of_encoded)
        self.codes = array(codes).T

    def forward(self, noise, center):
        """Draw by N(0, I) vectors, an `array` of them.

        `averages` are to be of differences from ``center``, of shape (n_components, 1) or ().
        """
        xp, mean, deviation, bounded = self.xp, self.mean, self.deviation, self.bounded
        xp.minimum(self.unbounded, self.high, out=bounded)
        xp.maximum(bounded, self.low, out=bounded)
        xp.exp(bounded, out=self.variance)
        xp.sqrt(self.variance, out=deviation)
        deviation *= noise.T
        xp.add(mean, deviation, out=self.codes)
        xp.subtract(mean, center, out=self.offset)

    def averages(self, weights=None):
        """Weighted means over the rows, of shape (4 * n_components,).

        Of differences of the posteriors' means from the centre, of the squares of those, of
        variances, and of log-variances.
        """
        self.xp.multiply(self.offset, self.offset, out=self.square)
        return self.matrix @ (self.even if weights is None else array(weights / weights.sum()))

    def backward(self, of_codes, precision, share):
        """Set the gradient of what came in, by way of the draws and of their divergence.

        Of the former by the chain rule through ``codes = mean + exp(log_variance / 2) * noise``.
        The latter has the gradients ``precision * (mean - center)`` and ``(precision *
        variance - share) / 2`` at means and log-variances, of numbers or arrays of shape
        (n_components or 1, n or 1).
        """
        offset, variance, deviation = self.offset, self.variance, self.deviation
        xp, through = self.xp, self.through
        through[:] = array(of_codes).T
        offset *= precision
        xp.add(offset, through, out=self.of_mean)
        # The deviation of a code from its mean is proportional to the standard deviation.
        deviation *= through
        variance *= precision
        variance -= share
        variance += deviation
        variance *= 0.5
        is_inside = self.bounded == self.unbounded
        xp.multiply(variance, is_inside, out=self.of_unbounded)


class DrawsPass:
    """The way from the encoder's output to the decoder's input and back, for any batch.

    Parameters
    ----------
    module : VariationalAutoencoder
    """

    def __init__(self, module):
        self.module, self.ways = module, {}

    def way_of(self, n, encoder, decoder):
        """That of n rows, between their ways through the networks."""
        if n not in self.ways:
            self.ways[n] = DrawsWay(self.module, n, encoder, decoder)
        return self.ways[n]


class DrawsWay:
    """The way of n rows between those through the networks, in their memory where they have any.

    Parameters
    ----------
    module : VariationalAutoencoder
    n : int
    encoder, decoder : Route or AutogradPass

    Attributes
    ----------
    draws : Draws
        Of the batch.
    """

    def __init__(self, module, n, encoder, decoder):
        self.module, axes = module, module.to_latent
        codes = axes.center.new_empty(n, len(axes.center))
        self.encoded, self.of_encoded = encoder.output, encoder.of_output
        if self.encoded is None:
            self.encoded, self.of_encoded = codes.new_empty(2, n, 2 * codes.shape[1])
        codes = codes if decoder.input is None else decoder.input
        self.draws = Draws(self.encoded, self.of_encoded, codes)
        moments = self.encoded[:, : codes.shape[1]], self.draws.log_variance
        # The others move in their memory.
        place = axes.center, axes.scale, module.dispersion
        self.latent = Posterior((codes, None, None, *moments, *place))
        self.center, self.vectors = array(axes.center)[:, None], None

    def forward(self, encoded, numbers):
        """`Posterior` of rows of these numbers, not decoded yet."""
        if encoded is not self.encoded:
            self.encoded.copy_(encoded)
        self.draws.forward(noise_for(array(numbers), self._bank()), self.center)
        return self.latent

    def _bank(self):
        """That of the module, an array; most often it is the one of last time."""
        vectors = self.module.vectors
        if vectors is None or vectors is not self.vectors:
            self.vectors, self.bank = vectors, array(self.module.bank_of(self.latent.codes))
        return self.bank

    def backward(self, of_codes, of_latent):
        """Gradient of the encoder's output."""
        self.draws.backward(of_codes, *of_latent)
        return self.of_encoded
