"""Losses and validation scores, epoch by epoch."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skae.metrics._estimators import final_step

from ._style import COLORS, axes_for, fit_in_place, set_title

__all__ = ["LossCurveDisplay"]

# Ratio of losses from which their axis is logarithmic.
DECADES = 10


class LossCurveDisplay:
    """Loss of training by epoch, and scores on held-out rows if there are any.

    Use `from_estimator` to create one. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        Loss at every epoch.

    validation_scores : array-like of shape (n_epochs,), default=None
        Score on held-out rows at every epoch, higher is better; drawn on an axis of its
        own, on the right.

    name : str, default=None
        What was trained, for the title.

    Attributes
    ----------
    line_ : Line2D
        The losses.

    validation_line_ : Line2D or None
        The validation scores.

    best_ : Line2D
        Mark at the best epoch: that of the highest validation score, or of the smallest loss.

    validation_ax_ : matplotlib Axes or None
        The axis of the validation scores.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by number of rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPRegressor
    >>> from skae.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPRegressor(hidden_layer_sizes=4, tol=0.1, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(mlp)
    >>> len(display.line_.get_xdata()) == mlp.n_iter_
    True
    """

    def __init__(self, *, loss_curve, validation_scores=None, name=None):
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.name = name

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        line_kwargs : dict, default=None
            Keywords of ``ax.plot``, for the losses.

        Returns
        -------
        display : LossCurveDisplay
            The object itself.
        """
        losses = _check_curve(self.loss_curve, "loss_curve")
        self.ax_ = ax = axes_for(ax)
        self.figure_, self.validation_line_, self.validation_ax_ = ax.figure, None, None
        style = {"color": COLORS[0], "label": "training loss", **_marked(losses)}
        epochs = np.arange(1, len(losses) + 1)
        (self.line_,) = ax.plot(epochs, losses, **{**style, **(line_kwargs or {})})
        if np.min(losses) > 0 and np.max(losses) > DECADES * np.min(losses):
            ax.set_yscale("log")
        ax.set(xlabel="epoch", ylabel="training loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if self.validation_scores is None:
            self._mark_best(ax, losses, np.argmin(losses))
        else:
            self._draw_scores()
        lines = [self.line_, self.validation_line_, self.best_]
        # Losses end at the bottom right, scores at the top right.
        top = ax if self.validation_ax_ is None else self.validation_ax_
        place = "upper right" if self.validation_ax_ is None else "center right"
        top.legend(handles=[line for line in lines if line], loc=place, fontsize="small")
        set_title(ax, f"Training of {self.name}" if self.name else "Training")
        fit_in_place(ax, *([self.validation_ax_] if self.validation_ax_ else []))
        return self

    def _draw_scores(self):
        """Validation scores, on an axis of their own."""
        scores = _check_curve(self.validation_scores, "validation_scores")
        self.validation_ax_ = right = self.ax_.twinx()
        epochs = np.arange(1, len(scores) + 1)
        style = {"color": COLORS[1], "ls": "--", "label": "validation score", **_marked(scores)}
        (self.validation_line_,) = right.plot(epochs, scores, **style)
        right.set_ylabel("validation score (higher is better)")
        self._mark_best(right, scores, np.argmax(scores))

    def _mark_best(self, ax, curve, best):
        """A ring at the best epoch."""
        (self.best_,) = ax.plot(
            best + 1, curve[best], "o", mfc="none", mec="black", ms=8, ls="",
            label=f"best epoch: {best + 1}",
        )  # fmt: skip

    @classmethod
    def from_estimator(cls, estimator, X=None, y=None, *, ax=None, line_kwargs=None):
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted estimator with ``loss_curve_``, and maybe ``validation_scores_``: an
            autoencoder, :class:`~sklearn.neural_network.MLPRegressor`, or a pipeline that ends
            in one.

        X : Ignored
            Not used, present for the same form as other displays.

        y : Ignored
            Not used.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        line_kwargs : dict, default=None
            Keywords of ``ax.plot``, for the losses.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        model = final_step(estimator)
        if not hasattr(model, "loss_curve_"):
            raise TypeError(f"estimator must have loss_curve_. Got {model!r} instead.")
        display = cls(
            loss_curve=model.loss_curve_,
            validation_scores=getattr(model, "validation_scores_", None),
            name=type(model).__name__,
        )
        return display.plot(ax, line_kwargs=line_kwargs)


def _check_curve(curve, name):
    """A curve as a finite array of at least one number."""
    return check_array(curve, ensure_2d=False, dtype=float, input_name=name).reshape(-1)


def _marked(curve):
    """A single epoch needs a marker to be seen."""
    return {"marker": "."} if len(curve) == 1 else {}
