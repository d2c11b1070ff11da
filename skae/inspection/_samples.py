"""Rows that an estimator draws."""

from numbers import Integral

from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae._validation import as_random_state
from skae.metrics._draws import latent_draws, sampler_name
from skae.metrics._estimators import sampled_rows
from skae.metrics._inputs import check_latent

from ._pictures import (
    cells,
    check_image_shape,
    check_pictures,
    draw_images,
    draw_profiles,
    scale_text,
    value_range,
)
from ._style import axes_for, check_decode, fit_in_place, set_title

__all__ = ["SamplesDisplay"]


class SamplesDisplay:
    """Rows drawn from an estimator, side by side.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    X_sampled : array-like of shape (n_samples, n_features)
        Rows that were drawn.

    image_shape : tuple of int, default=None
        Height, width, and channels if there are several, of the images that rows are. None
        draws line profiles.

    sampler : str, default=None
        Name of the law of the draws, for the title.

    limits : tuple of (float, float), default=None
        Values that are white and black, or bottom and top of a profile. None takes the range
        of the rows drawn.

    Attributes
    ----------
    image_ : AxesImage or None
        The mosaic of images.

    lines_ : LineCollection or None
        The profiles.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    DecodedGridDisplay : What chosen points of the latent space decode to.
    skae.metrics.sample_quality : Whether draws look like real rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neighbors import KernelDensity
    >>> from skae.inspection import SamplesDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> display = SamplesDisplay.from_estimator(
    ...     KernelDensity().fit(X), image_shape=(8, 8), random_state=0
    ... )
    >>> display.X_sampled.shape
    (25, 64)
    """

    def __init__(self, *, X_sampled, image_shape=None, sampler=None, limits=None):
        self.X_sampled = X_sampled
        self.image_shape = image_shape
        self.sampler = sampler
        self.limits = limits

    def plot(self, ax=None, *, image_kwargs=None, line_kwargs=None):
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : SamplesDisplay
            The object itself.
        """
        rows = check_pictures(self.X_sampled, "X_sampled")
        image_shape = check_image_shape(self.image_shape, rows.shape[1])
        limits = self.limits or (rows.min(), rows.max())
        self.ax_ = ax = axes_for(ax)
        self.figure_, self.image_, self.lines_ = ax.figure, None, None
        n_down, n_across = cells(len(rows))
        extent = (0, n_across, 0, n_down)
        if image_shape is None:
            style = line_kwargs or {}
            self.lines_ = draw_profiles(ax, rows, n_across, extent, limits, **style)
            ax.set_xlabel("features")
            ax.set_ylabel(f"values from {limits[0]:.3g} to {limits[1]:.3g}")
        else:
            self.image_ = draw_images(ax, rows, image_shape, n_across, extent, limits, image_kwargs)
            ax.set_xlabel(scale_text(self.image_))
        ax.set(xticks=[], yticks=[])
        law = f" from {self.sampler}" if self.sampler else ""
        set_title(ax, f"{len(rows)} draws{law}")
        fit_in_place(ax)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        y=None,
        *,
        n_samples=25,
        image_shape=None,
        random_state=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw rows from an estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted estimator with ``sample``, or pipeline that ends in one; draws are taken
            back through the steps before it.

        X : array-like of shape (n_samples, n_features), default=None
            Real rows, whose range of values sets the scale of the pictures. None takes that
            of the draws.

        y : Ignored
            Not used.

        n_samples : int, default=25
            Number of rows to draw.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : SamplesDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        display = cls(
            X_sampled=sampled_rows(estimator, n_samples, random_state),
            image_shape=image_shape,
            sampler=type(estimator).__name__,
            limits=None if X is None else value_range(X),
        )
        return display.plot(ax, image_kwargs=image_kwargs, line_kwargs=line_kwargs)

    @classmethod
    def from_latent(
        cls,
        X_latent,
        y=None,
        *,
        decode,
        sampler="box",
        n_samples=25,
        image_shape=None,
        random_state=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Draw points among codes, and decode them.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : Ignored
            Not used.

        decode : callable
            From codes to rows.

        sampler : str, estimator, callable or array-like, default="box"
            Law of the points, fitted on the codes; see `skae.metrics.latent_gaps`.

        n_samples : int, default=25
            Number of points to draw.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : SamplesDisplay
            The display, drawn.
        """
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        codes = check_latent(X_latent, min_samples=1, spread=False)
        draws = latent_draws(sampler, codes, n_samples, as_random_state(random_state))
        display = cls(
            X_sampled=check_decode(decode)(draws),
            image_shape=image_shape,
            sampler=sampler_name(sampler),
        )
        return display.plot(ax, image_kwargs=image_kwargs, line_kwargs=line_kwargs)
