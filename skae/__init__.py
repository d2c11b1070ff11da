"""Autoencoders as ordinary scikit-learn estimators."""

from ._autoencoder import AutoencoderTransformer

__all__ = ["AutoencoderTransformer", "__version__"]

__version__ = "0.1.0"
