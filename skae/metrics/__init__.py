"""Measures of latent spaces: arrays in, numbers out, for codes of any origin."""

from ._areas import class_area_imbalance, class_areas
from ._continuity import latent_continuity
from ._extent import latent_extent, unbounded_extent
from ._neighbors import neighborhood_continuity, trustworthiness
from ._prior import latent_prior, prior_mismatch
from ._quality import sample_quality
from ._sampled_classes import sampled_class_imbalance, sampled_classes
from ._scorer import latent_scorer
from ._support import LatentSupport, gap_fraction, latent_gaps
from ._units import active_units

__all__ = [
    "LatentSupport",
    "active_units",
    "class_area_imbalance",
    "class_areas",
    "gap_fraction",
    "latent_continuity",
    "latent_extent",
    "latent_gaps",
    "latent_prior",
    "latent_scorer",
    "neighborhood_continuity",
    "prior_mismatch",
    "sample_quality",
    "sampled_class_imbalance",
    "sampled_classes",
    "trustworthiness",
    "unbounded_extent",
]
