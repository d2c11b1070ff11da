"""Rows, and what is left of them behind the bottleneck."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length, check_scalar, resample
from sklearn.utils.validation import check_is_fitted

from skae.metrics._estimators import required_decoder
from skae.metrics._inputs import check_latent

from ._pictures import (
    cells,
    check_image_shape,
    check_pictures,
    draw_images,
    draw_profiles,
    scale_text,
)
from ._style import (
    IN_GAP_COLOR,
    LITERAL,
    axes_for,
    check_decode,
    fit_in_place,
    legend_beside,
    row_names,
    set_title,
    write,
)

__all__ = ["ReconstructionDisplay"]

# Rows among which those that are shown are picked, at most.
MAX_ROWS = 5000


class ReconstructionDisplay:
    """Rows above their reconstructions, from the best to the worst.

    Rows are picked evenly by rank of their error, the root mean squared difference of a row
    and its reconstruction; the best and the worst are among them.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.

    X_reconstructed : array-like of shape (n_samples, n_features)
        Their reconstructions.

    y : array-like of shape (n_samples,), default=None
        Labels, written below the rows.

    image_shape : tuple of int, default=None
        Height, width, and channels if there are several, of the images that rows are. None
        draws line profiles, the row solid and its reconstruction dashed.

    Attributes
    ----------
    errors_ : ndarray of shape (n_samples,)
        Root mean squared error of every row, in units of X.

    rows_ : ndarray of shape (n_shown,)
        Indices of the rows that are shown.

    image_ : AxesImage or None
        The mosaic of images.

    lines_ : list of LineCollection or None
        Profiles of the rows, and of the reconstructions.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    DecodedGridDisplay : What points of the latent space decode to.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import ReconstructionDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = ReconstructionDisplay.from_estimator(PCA(2).fit(X), X, y, image_shape=(8, 8))
    >>> display.errors_.shape
    (1797,)
    """

    def __init__(self, *, X, X_reconstructed, y=None, image_shape=None):
        self.X = X
        self.X_reconstructed = X_reconstructed
        self.y = y
        self.image_shape = image_shape

    def plot(self, ax=None, *, n_rows=8, image_kwargs=None, line_kwargs=None):
        """Draw rows and reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        n_rows : int, default=8
            Number of rows to show.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The object itself.
        """
        check_scalar(n_rows, "n_rows", Integral, min_val=1)
        X = check_pictures(self.X, "X")
        decoded = check_pictures(self.X_reconstructed, "X_reconstructed", n_features=X.shape[1])
        if len(decoded) != len(X):
            raise ValueError(
                f"X_reconstructed must have {len(X)} rows, as X. Got {len(decoded)} instead."
            )
        image_shape = check_image_shape(self.image_shape, X.shape[1])
        names = row_names(self.y, len(X))
        self.errors_ = np.sqrt(np.mean(np.square(X - decoded), axis=1))
        order = np.argsort(self.errors_, kind="stable")
        self.rows_ = order[np.linspace(0, len(X) - 1, min(n_rows, len(X))).round().astype(int)]
        texts = [f"{names[row]}\n{self.errors_[row]:.3g}".strip() for row in self.rows_]
        self.ax_ = axes_for(ax, figsize=(8, 3) if image_shape else None)
        self.figure_, self.image_, self.lines_ = self.ax_.figure, None, None
        pair = X[self.rows_], decoded[self.rows_]
        if image_shape is None:
            self._draw_profiles(*pair, texts, line_kwargs or {})
        else:
            self._draw_images(*pair, image_shape, texts, image_kwargs or {})
        median = np.median(self.errors_)
        title = f"Reconstructions, best to worst of {len(X)} rows\nmedian error {median:.3g}"
        scale = scale_text(self.image_) if self.image_ else ""
        set_title(self.ax_, f"{title}; {scale}" if scale else title)
        fit_in_place(self.ax_)
        return self

    def _draw_images(self, rows, decoded, image_shape, texts, image_kwargs):
        """Images of the rows above those of their reconstructions."""
        ax, n_shown = self.ax_, len(rows)
        limits = rows.min(), rows.max()
        images = np.vstack([rows, decoded])
        extent = (0, n_shown, 0, 2)
        self.image_ = draw_images(ax, images, image_shape, n_shown, extent, limits, image_kwargs)
        ax.set_yticks([1.5, 0.5], ["row", "decoded"], rotation=90, va="center", fontsize="small")
        ax.set_xticks(np.arange(n_shown) + 0.5, texts, fontsize="small", **LITERAL)
        ax.tick_params(length=0)
        what = "root mean squared error"
        ax.set_xlabel(what if self.y is None else f"label, {what}")

    def _draw_profiles(self, rows, decoded, texts, line_kwargs):
        """Line profiles, rows solid and reconstructions dashed, in cells of their own."""
        ax, (n_down, n_across) = self.ax_, cells(len(rows))
        extent = (0, n_across, 0, n_down)
        both = np.vstack([rows, decoded])
        limits = both.min(), both.max()
        styles = [
            {"color": "0.3", "lw": 1.6, "label": "row"},
            {"color": IN_GAP_COLOR, "lw": 1.2, "ls": "--", "label": "decoded"},
        ]
        self.lines_ = [
            draw_profiles(ax, lines, n_across, extent, limits, **style, **line_kwargs)
            for lines, style in zip((rows, decoded), styles, strict=True)
        ]
        for i, text in enumerate(texts):
            corner = (i % n_across + 0.03, n_down - i // n_across - 0.04)
            write(ax, corner, text.replace("\n", ": "), ha="left", va="top", fontsize=8)
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel("features; in the corners the errors (RMS)")
        ax.set_ylabel(f"values from {limits[0]:.3g} to {limits[1]:.3g}")
        legend_beside(ax, self.lines_)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        n_rows=8,
        image_shape=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw rows of X and what ``inverse_transform(transform(X))`` makes of them.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline, with ``transform`` and ``inverse_transform``.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; of more than 5000 a random subset, always the same.

        y : array-like of shape (n_samples,), default=None
            Labels, written below the rows.

        n_rows : int, default=8
            Number of rows to show.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        decode = required_decoder(estimator)
        X, y = _some_rows(X, y)
        decoded = decode(estimator.transform(X))
        display = cls(X=_dense(X), X_reconstructed=decoded, y=y, image_shape=image_shape)
        return display.plot(ax, n_rows=n_rows, image_kwargs=image_kwargs, line_kwargs=line_kwargs)

    @classmethod
    def from_latent(
        cls,
        X_latent,
        y=None,
        *,
        X,
        decode,
        n_rows=8,
        image_shape=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw rows of X and what their codes decode to.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes of the rows of X.

        y : array-like of shape (n_samples,), default=None
            Labels, written below the rows.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; of more than 5000 a random subset, always the same.

        decode : callable
            From codes to rows.

        n_rows : int, default=8
            Number of rows to show.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.
        """
        X_latent, X, y = _some_rows(check_latent(X_latent, min_samples=1, spread=False), X, y)
        display = cls(
            X=_dense(X),
            X_reconstructed=check_decode(decode)(X_latent),
            y=y,
            image_shape=image_shape,
        )
        return display.plot(ax, n_rows=n_rows, image_kwargs=image_kwargs, line_kwargs=line_kwargs)


def _some_rows(*arrays):
    """At most `MAX_ROWS` rows of all arrays, the same ones; None stays None."""
    given = [a for a in arrays if a is not None]
    check_consistent_length(*given)
    if _num_rows(given[0]) <= MAX_ROWS:
        return arrays
    fewer = iter(resample(*given, replace=False, n_samples=MAX_ROWS, random_state=0))
    return [None if a is None else next(fewer) for a in arrays]


def _num_rows(X):
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _dense(X):
    return X.toarray() if hasattr(X, "toarray") else X
