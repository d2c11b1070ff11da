"""The four panels of a `LatentDiagnostics`."""

import io
from base64 import b64encode

from ._class_area import ClassAreaDisplay
from ._latent_space import LatentSpaceDisplay
from ._sampled_classes import SampledClassesDisplay
from ._style import LITERAL
from ._support import LatentSupportDisplay

__all__ = ["LatentDiagnosticsDisplay", "png_of"]


class LatentDiagnosticsDisplay:
    """The three faults of a latent space at one glance, in four panels.

    The codes, and where N(0, I) lies; what of the latent space is supported, and the draws
    that fell in gaps; the areas of the classes; and what a random draw lands on. Without
    class labels the latter two are left out.

    Parameters
    ----------
    diagnostics : LatentDiagnostics
        What is drawn; nothing is computed again.

    Attributes
    ----------
    displays_ : dict of Display
        By panel: ``'codes'``, ``'support'``, ``'areas'``, ``'draws'``.
    axes_ : ndarray of Axes
        One for each panel.
    figure_ : Figure

    See Also
    --------
    skae.LatentDiagnostics : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import LatentDiagnosticsDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> pca = PCA(n_components=2).fit(X)
    >>> display = LatentDiagnosticsDisplay.from_estimator(
    ...     pca, X, y, n_resamples=0, random_state=0
    ... )
    >>> list(display.displays_)
    ['codes', 'support', 'areas', 'draws']
    """

    def __init__(self, diagnostics):
        self.diagnostics = diagnostics

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, figure=None, **options):
        """Measure the latent space of a fitted estimator, and draw it.

        Parameters
        ----------
        estimator : fitted transformer or Pipeline
            See :meth:`skae.LatentDiagnostics.from_estimator`.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Class labels.
        figure : Figure or SubFigure, default=None
            Where to draw; None makes a figure.
        **options
            Parameters of `skae.LatentDiagnostics`.

        Returns
        -------
        display : LatentDiagnosticsDisplay
            The display, drawn.
        """
        from ._diagnostics import LatentDiagnostics

        return cls(LatentDiagnostics.from_estimator(estimator, X, y, **options)).plot(figure)

    @classmethod
    def from_latent(cls, X_latent, y=None, *, figure=None, **options):
        """Measure bare codes, and draw them.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.
        y : array-like of shape (n_samples,), default=None
            Class labels.
        figure : Figure or SubFigure, default=None
            Where to draw; None makes a figure.
        **options
            Those of :meth:`skae.LatentDiagnostics.from_latent`.

        Returns
        -------
        display : LatentDiagnosticsDisplay
            The display, drawn.
        """
        from ._diagnostics import LatentDiagnostics

        return cls(LatentDiagnostics.from_latent(X_latent, y, **options)).plot(figure)

    def plot(self, figure=None):
        """Draw the panels.

        Parameters
        ----------
        figure : Figure or SubFigure, default=None
            Where to draw; None makes a figure with pyplot. A figure without a layout engine
            is given the constrained one.

        Returns
        -------
        display : LatentDiagnosticsDisplay
            The display, drawn.
        """
        from matplotlib.figure import Figure

        panels = self._panels()
        n_rows = (len(panels) + 1) // 2
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(12, 4.8 * n_rows), layout="constrained")
        elif isinstance(figure, Figure) and figure.get_layout_engine() is None:
            figure.set_layout_engine("constrained")
        self.figure_ = figure
        self.axes_ = figure.subplots(n_rows, 2, squeeze=False).ravel()
        self.displays_ = {
            name: display.plot(ax=ax, **options)
            for (name, (display, options)), ax in zip(panels.items(), self.axes_, strict=False)
        }
        for ax in self.axes_[len(panels) :]:
            ax.set_axis_off()
        report = self.diagnostics
        n_components = report.n_components_
        components = "1 component" if n_components == 1 else f"{n_components} components"
        figure.suptitle(f"{report.name_}: {report.n_samples_} codes of {components}", **LITERAL)
        return self

    def _panels(self):
        """Displays of what was measured, and their options, by name."""
        report = self.diagnostics
        codes = LatentSpaceDisplay(X_latent=report.X_latent_, y=report.y_)
        level = 0.99 if report.reference_ is not None else None
        kind = "map" if report.n_components_ <= 2 else "bars"
        panels = {
            "codes": (codes, {"level": level}),
            "support": (LatentSupportDisplay(gaps=report.gaps_), {"kind": kind}),
        }
        if report.class_areas_ is not None:
            panels["areas"] = (ClassAreaDisplay(areas=report.class_areas_), {})
        if report.sampled_classes_ is not None:
            panels["draws"] = (SampledClassesDisplay(sampled=report.sampled_classes_), {})
        return panels


def png_of(plot, figsize):
    """An HTML image of what ``plot(figure)`` draws, made without pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=figsize, layout="constrained")
    plot(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    picture = b64encode(buffer.getvalue()).decode()
    return f'<img style="max-width: 100%" src="data:image/png;base64,{picture}">'
