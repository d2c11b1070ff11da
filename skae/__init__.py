"""Autoencoders as ordinary scikit-learn estimators."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "AutoencoderTransformer",
    "LatentDiagnostics",
    "VariationalAutoencoderTransformer",
    "__version__",
]

# Loaded when first asked for: `skae.metrics` and `skae.inspection` work without torch.
_HOMES = {
    "AutoencoderTransformer": "_autoencoder",
    "LatentDiagnostics": "inspection",
    "VariationalAutoencoderTransformer": "_variational",
}

if TYPE_CHECKING:
    from ._autoencoder import AutoencoderTransformer
    from ._variational import VariationalAutoencoderTransformer
    from .inspection import LatentDiagnostics


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__():
    return sorted({*globals(), *__all__})
