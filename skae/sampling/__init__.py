"""Latent laws: densities fitted on codes, draws from them, and paths between codes."""

from ._class_conditional import ClassConditionalDensity
from ._class_conditional import class_labels as class_labels
from ._densities import BoxDensity, StandardNormalDensity, WhitenedKernelDensity
from ._draws import draw as draw
from ._draws import draw_supported as draw_supported
from ._draws import raw_draws as raw_draws
from ._laws import LATENT_SAMPLERS as LATENT_SAMPLERS
from ._laws import fit_latent_sampler as fit_latent_sampler
from ._laws import fit_posterior as fit_posterior
from ._laws import is_posterior as is_posterior
from ._laws import takes_labels as takes_labels
from ._mixture import GaussianMixtureDensity
from ._paths import interpolate
from ._posterior import PosteriorDensity

# The functions imported as themselves are for the other packages of skae.
__all__ = [
    "BoxDensity",
    "ClassConditionalDensity",
    "GaussianMixtureDensity",
    "PosteriorDensity",
    "StandardNormalDensity",
    "WhitenedKernelDensity",
    "interpolate",
]
