"""Looking at latent spaces: a report, and displays in scikit-learn's protocol."""

from ._class_area import ClassAreaDisplay
from ._comparison import LatentComparison
from ._decoded_grid import DecodedGridDisplay
from ._diagnostics import LatentDiagnostics
from ._diagnostics_display import LatentDiagnosticsDisplay
from ._latent_space import LatentSpaceDisplay
from ._loss_curve import LossCurveDisplay
from ._recommendation import SamplerRecommendation, recommend_sampler
from ._reconstruction import ReconstructionDisplay
from ._sampled_classes import SampledClassesDisplay
from ._samples import SamplesDisplay
from ._support import LatentSupportDisplay

__all__ = [
    "ClassAreaDisplay",
    "DecodedGridDisplay",
    "LatentComparison",
    "LatentDiagnostics",
    "LatentDiagnosticsDisplay",
    "LatentSpaceDisplay",
    "LatentSupportDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
    "SampledClassesDisplay",
    "SamplerRecommendation",
    "SamplesDisplay",
    "recommend_sampler",
]
