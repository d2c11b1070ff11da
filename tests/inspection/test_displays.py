"""What the displays draw is what the data say, into the axes given, and nothing else happens."""

from io import BytesIO
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import chi
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils import Bunch

from skae.inspection._class_area import ClassAreaDisplay
from skae.inspection._decoded_grid import DecodedGridDisplay
from skae.inspection._diagnostics_display import LatentDiagnosticsDisplay
from skae.inspection._latent_space import LatentSpaceDisplay
from skae.inspection._loss_curve import LossCurveDisplay
from skae.inspection._reconstruction import ReconstructionDisplay
from skae.inspection._sampled_classes import SampledClassesDisplay
from skae.inspection._samples import SamplesDisplay
from skae.inspection._style import COLORS, MARKERS
from skae.inspection._support import LatentSupportDisplay
from skae.metrics._estimators import decoder_of, latent_codes


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def ax():
    """Axes of a panel, which pyplot knows nothing of."""
    return Figure(figsize=(5, 4)).subplots()


def normal(n_samples, n_components, seed=0):
    return np.random.RandomState(seed).standard_normal((n_samples, n_components))


class HalfPlane:
    """Points of positive first coordinate are supported."""

    def predict(self, X):
        return np.where(X[:, 0] > 0, 1, -1)


def gaps_of(draws, sampler="box", value=0.4, interval=(0.35, 0.47)):
    """A result of latent_gaps."""
    return Bunch(
        metric="gap_fraction", value=value, interval=interval, floor=0.02, ideal=0.0,
        sampler=sampler, n_samples=100, n_components=draws.shape[1], draws=draws,
        supported=draws[:, 0] > 0, support=HalfPlane(), radius=0.1, resolution=0.2,
        largest_gap_centre=draws[0], largest_gap_radius=0.7, unsupported=0.43,
    )  # fmt: skip


def areas_of(share, classes, dropped=()):
    """A result of class_areas."""
    share, classes = np.array(share), np.array(classes)
    return Bunch(
        metric="class_area_imbalance", value=0.2, interval=(0.1, 0.3), floor=0.05, ideal=0.0,
        sampler=None, n_samples=100, n_components=2, classes=classes, share=share,
        share_low=share - 0.05, share_high=share + 0.1, dropped=np.array(dropped),
        target=np.full(len(share), 1 / len(share)),
    )  # fmt: skip


def sampled_of(sampler="box", decoded=None):
    """A result of sampled_classes."""
    return Bunch(
        metric="sampled_class_imbalance", value=0.1, interval=(np.nan, np.nan), floor=0.02,
        ideal=0.0, sampler=sampler, n_samples=100, n_components=2, classes=np.array(["a", "b"]),
        territory=np.array([0.7, 0.3]), share=np.array([0.5, 0.2]), unsupported=0.3,
        target=np.array([0.5, 0.5]), decoded=decoded, decoded_imbalance=None,
    )  # fmt: skip


DIGITS_PCA = {"n_components": 2, "random_state": 0}


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(**DIGITS_PCA).fit(digits)


def displays(digits, pca):
    """One of each display, and what it plots with."""
    codes, y = pca.transform(digits), np.arange(len(digits)) % 10
    decoded = pca.inverse_transform(codes)
    shape = {"image_shape": (8, 8)}
    grid = {"points": codes[:9], "decoded": decoded[:9], "X_latent": codes}
    return [
        (LatentSpaceDisplay(X_latent=codes, y=y), {}),
        (LatentSpaceDisplay(X_latent=codes[:, :1], y=y), {}),
        (LatentSpaceDisplay(X_latent=digits, y=y), {}),
        (LatentSupportDisplay(gaps=gaps_of(normal(50, 2))), {}),
        (LatentSupportDisplay(gaps=gaps_of(normal(50, 1))), {}),
        (LatentSupportDisplay(gaps=gaps_of(normal(50, 16))), {}),
        (ClassAreaDisplay(areas=areas_of([0.7, 0.3], [0, 1])), {}),
        (SampledClassesDisplay(sampled=sampled_of()), {}),
        (SampledClassesDisplay(sampled=[sampled_of(), sampled_of("normal")]), {}),
        (DecodedGridDisplay(**grid, **shape), {}),
        (DecodedGridDisplay(**grid), {"kind": "overlay"}),
        (ReconstructionDisplay(X=digits, X_reconstructed=decoded, **shape), {}),
        (ReconstructionDisplay(X=digits, X_reconstructed=decoded), {}),
        (SamplesDisplay(X_sampled=decoded[:7], **shape), {}),
        (LossCurveDisplay(loss_curve=[3, 2, 1], validation_scores=[0, 1, 2]), {}),
    ]


N_DISPLAYS = 15


@pytest.mark.parametrize("i", range(N_DISPLAYS))
def test_one_figure_is_made_where_no_axes_are_given(i, digits, pca):
    display, options = displays(digits, pca)[i]
    display.plot(**options)
    assert plt.get_fignums() == [display.figure_.number]
    assert display.ax_ in display.figure_.axes
    display.figure_.savefig("/dev/null", format="png")


@pytest.mark.parametrize("i", range(N_DISPLAYS))
def test_axes_given_are_used_and_plotting_again_draws_the_same(i, digits, pca):
    display, options = displays(digits, pca)[i]
    pictures = []
    for _ in range(2):
        ax = Figure(figsize=(5, 4)).subplots()
        assert display.plot(ax=ax, **options) is display
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
        assert plt.get_fignums() == []
        picture = BytesIO()
        ax.figure.savefig(picture, format="png")  # draws without a warning
        pictures.append(picture.getvalue())
    assert pictures[0] == pictures[1]


def test_axes_must_be_axes():
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes"):
        LatentSpaceDisplay.from_latent(normal(5, 2), ax=Figure().subplots(1, 2))


# ---------------------------------------------------------------------- what is written


MONEY = np.array(["$5-$10", "$10-$20", r"$\frac$", "_a"])


def displays_of_money(digits, pca):
    """Displays of classes, samplers and models with dollars in their names."""
    y = MONEY[np.arange(len(digits)) % 4]
    draws, dollar = normal(50, 2), "$x_1$"
    areas = areas_of(np.full(4, 0.25), MONEY)
    sampled = sampled_of(dollar)
    stacked = [sampled_of(dollar), sampled_of("$y$")]
    for result in (sampled, *stacked):
        result.update(classes=MONEY, territory=areas.share, share=areas.share, target=areas.target)
        result.unsupported = 0
    codes = pca.transform(digits)
    grid = {"points": codes[:4], "decoded": digits[:4], "image_shape": (8, 8)}
    return [
        LatentSpaceDisplay(X_latent=digits[:, 20:22], y=y),
        LatentSpaceDisplay(X_latent=digits[:, 20:21], y=y),
        LatentSpaceDisplay(X_latent=digits, y=y),
        LatentSupportDisplay(gaps=gaps_of(draws, dollar)),
        LatentSupportDisplay(gaps=[gaps_of(draws, dollar), gaps_of(draws, "$y$")]),
        ClassAreaDisplay(areas=areas),
        SampledClassesDisplay(sampled=sampled),
        SampledClassesDisplay(sampled=stacked),
        ReconstructionDisplay(X=digits, X_reconstructed=digits, y=y, image_shape=(8, 8)),
        ReconstructionDisplay(X=digits, X_reconstructed=digits, y=y),
        SamplesDisplay(X_sampled=digits[:4], sampler=dollar),
        LossCurveDisplay(loss_curve=[2, 1], name=dollar),
        DecodedGridDisplay(**grid, X_latent=codes, y=y),
    ]


@pytest.mark.parametrize("i", range(13))
def test_dollars_in_names_are_no_mathematics(i, digits, pca, ax):
    display = displays_of_money(digits, pca)[i]
    options = {"kind": "overlay"} if isinstance(display, DecodedGridDisplay) else {}
    display.plot(ax, **options)
    ax.figure.draw_without_rendering()
    texts = [text for text in ax.figure.findobj(Text) if "$" in text.get_text()]
    assert texts
    # Tick labels of numbers are mathematics, and no other text with dollars.
    assert not [t for t in texts if t.get_parse_math() and "mathdefault" not in t.get_text()]


def test_names_that_begin_with_an_underscore_are_in_the_legend(ax):
    y = np.repeat(["_a", "b"], 10)
    display = LatentSpaceDisplay.from_latent(normal(20, 2), y, ax=ax)
    assert [text.get_text() for text in display.legend_.get_texts()] == ["_a", "b"]


# ---------------------------------------------------------------------- room


def assert_in_view(figure):
    """Nothing that is written is cut off by the edges of the figure."""
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -1, box


def wide(digits, pca):
    """Displays with labels that take more room than the default margins leave."""
    many, rng = np.arange(len(digits)) % 30, np.random.RandomState(0)
    long = np.array([f"Rather long class {i}" for i in range(5)])[many % 5]
    sampled = sampled_of()
    sampled.update(classes=np.arange(30), share=rng.uniform(size=30), territory=np.ones(30))
    sampled.target = np.full(30, 1 / 30)
    areas = areas_of(np.full(5, 0.2), np.unique(long))
    losses = 12_345 * np.exp(-np.arange(30) / 30)
    return [
        LatentSpaceDisplay(X_latent=1e4 * normal(300, 2), y=many % 10),
        LatentSpaceDisplay(X_latent=normal(300, 2), y=long),
        LatentSpaceDisplay(X_latent=normal(300, 1), y=long),
        LatentSpaceDisplay(X_latent=digits, y=long),
        LatentSupportDisplay(gaps=gaps_of(normal(20, 30))),
        ClassAreaDisplay(areas=areas),
        SampledClassesDisplay(sampled=sampled),
        LossCurveDisplay(loss_curve=losses, validation_scores=-losses - 123.4567),
    ]


@pytest.mark.parametrize("i", range(8))
def test_labels_are_in_view_in_axes_without_a_layout(i, digits, pca, ax):
    wide(digits, pca)[i].plot(ax)
    assert_in_view(ax.figure)
    assert ax.figure.get_layout_engine() is None


@pytest.mark.parametrize("i", range(N_DISPLAYS))
def test_displays_are_in_view_in_axes_without_a_layout(i, digits, pca, ax):
    display, options = displays(digits, pca)[i]
    display.plot(ax, **options)
    assert_in_view(ax.figure)


def test_labels_of_neighbours_do_not_overlap():
    figure = Figure(figsize=(7, 6))
    axes = figure.subplots(2, 2)
    for ax in axes.flat:
        LatentSpaceDisplay.from_latent(1e4 * normal(50, 2), np.arange(50) % 5, ax=ax)
    figure.draw_without_rendering()
    assert_apart(axes)


def assert_apart(axes):
    boxes = [ax.get_tightbbox(for_layout_only=True) for ax in np.ravel(axes)]
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            overlap = np.minimum(box.max, other.max) - np.maximum(box.min, other.min)
            assert overlap.min() < 1


@pytest.mark.parametrize("size", [(12, 9.6), (8, 6)])
def test_panels_of_a_figure_without_a_layout_do_not_overlap(size):
    figure = Figure(figsize=size)
    y = np.array([f"Rather long class {i}" for i in range(5)])[np.arange(200) % 5]
    display = LatentDiagnosticsDisplay.from_latent(
        normal(200, 2), y, n_draws=500, n_resamples=0, random_state=0, figure=figure
    )
    assert_in_view(figure)
    assert_apart(display.axes_)


def test_figures_with_a_layout_keep_it_and_parts_of_figures_too():
    figure = Figure(layout="tight")
    engine = figure.get_layout_engine()
    options = {"n_draws": 500, "n_resamples": 0, "random_state": 0}
    display = LatentDiagnosticsDisplay.from_latent(normal(200, 1), figure=figure, **options)
    assert figure.get_layout_engine() is engine
    whole = Figure(figsize=(12, 4))
    part = whole.subfigures(1, 2)[0]
    display.plot(part)
    assert whole.get_layout_engine() is None


def test_one_component_is_singular():
    display = LatentDiagnosticsDisplay.from_latent(
        normal(200, 1), name="$a$", n_draws=500, n_resamples=0, random_state=0, figure=Figure()
    )
    assert display.figure_.get_suptitle() == "$a$: 200 codes of 1 component"
    display.figure_.draw_without_rendering()


# ---------------------------------------------------------------------- codes


def test_scatter_by_class_and_circle(ax):
    codes, y = normal(60, 2), np.repeat(["a", "b", "c"], 20)
    display = LatentSpaceDisplay.from_latent(codes, y, ax=ax)
    for points, name in zip(display.scatter_, "abc", strict=True):
        assert np.array_equal(points.get_offsets(), codes[y == name])
    (circle,) = display.boundary_
    assert circle.center == (0, 0)
    assert circle.radius == pytest.approx(chi.ppf(0.99, 2))  # 3.035
    assert [t.get_text() for t in display.legend_.get_texts()] == ["a", "b", "c"]
    assert "dashed: 99 % of N(0, I), cross: its mean" in ax.get_title()
    labels = {t.get_text(): t.get_position() for t in ax.texts}
    assert labels["b"] == pytest.approx(np.median(codes[y == "b"], axis=0))
    low, high = ax.get_xlim()
    assert low < -3.03 < 3.03 < high  # the circle is in view


def test_a_pair_of_many_axes(ax):
    codes = normal(30, 5)
    display = LatentSpaceDisplay.from_latent(codes, axes=(4, 1), ax=ax)
    assert np.array_equal(display.scatter_[0].get_offsets(), codes[:, [4, 1]])
    assert ax.get_xlabel() == "component 4 (latent units)"
    assert display.legend_ is None
    assert "dashed: 99 % of N(0, I), cross: its mean" in ax.get_title()


def test_one_component_is_a_strip_with_a_row_for_each_class(ax):
    codes, y = normal(40, 1), np.arange(40) % 2
    display = LatentSpaceDisplay.from_latent(codes, y, ax=ax)
    for c, points in enumerate(display.scatter_):
        x, height = points.get_offsets().T
        assert np.array_equal(x, codes[y == c, 0])
        assert np.all(np.abs(height - c) < 0.5)
    marks = [line.get_xdata()[0] for line in display.boundary_]
    assert marks == pytest.approx([-2.5758, 2.5758], abs=1e-4)


@pytest.mark.parametrize("n_components", [3, 16, 128])
def test_norms_follow_the_chi_law(n_components, ax):
    codes, y = normal(5000, n_components), np.arange(5000) % 3
    display = LatentSpaceDisplay.from_latent(codes, y, ax=ax)
    total = sum(np.array([bar.get_height() for bar in bars]) for bars in display.histogram_)
    edges = [bar.get_x() for bar in display.histogram_[0]]
    width = display.histogram_[0][0].get_width()
    assert np.sum(total) * width == pytest.approx(1)
    expected = chi.pdf(np.array(edges) + width / 2, n_components)
    assert np.max(np.abs(total - expected)) < 0.15 * expected.max()
    assert display.boundary_[0].get_xdata()[0] == pytest.approx(chi.ppf(0.99, n_components))
    assert display.scatter_ == []


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_norms_far_from_the_chi_law_are_seen_beside_it(scale, ax):
    display = LatentSpaceDisplay.from_latent(scale * normal(500, 16), ax=ax)
    assert ax.get_xscale() == "log"
    bars = display.histogram_[0]
    heights = np.array([bar.get_height() for bar in bars])
    widths = [np.log((bar.get_x() + bar.get_width()) / bar.get_x()) for bar in bars]
    assert heights @ widths == pytest.approx(1)
    assert "100 % of the codes lie outside" in ax.get_title() or scale < 1


def test_no_reference_without_level(ax):
    for codes in (normal(30, 1), normal(30, 2), normal(30, 3)):
        display = LatentSpaceDisplay.from_latent(codes, level=None, ax=ax)
        assert display.boundary_ == []


def test_many_codes_are_thinned_out_and_the_title_says_so(ax):
    codes = normal(20_000, 2)
    display = LatentSpaceDisplay.from_latent(codes, ax=ax)
    drawn = np.asarray(display.scatter_[0].get_offsets())
    assert drawn.shape == (5000, 2)
    assert np.isin(drawn[:, 0], codes[:, 0]).all()
    assert "5000 of 20000" in ax.get_title()


def test_continuous_labels_have_a_colour_bar():
    figure = Figure()
    ax, y = figure.subplots(), np.linspace(0, 1, 50)
    display = LatentSpaceDisplay.from_latent(normal(50, 2), y, ax=ax)
    assert np.array_equal(display.scatter_[0].get_array(), y)
    assert len(figure.axes) == 2
    assert "dashed: 99 % of N(0, I), cross: its mean" in ax.get_title()


def test_norms_have_no_place_for_continuous_labels_and_say_so(ax):
    LatentSpaceDisplay.from_latent(normal(50, 3), np.linspace(0, 1, 50), ax=ax)
    assert "y is not shown" in ax.get_title()


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_many_integers_are_classes_of_which_the_rarest_are_one_group(n_components, ax):
    y = np.repeat(np.arange(30), np.arange(1, 31))
    display = LatentSpaceDisplay.from_latent(normal(len(y), n_components), y, ax=ax)
    texts = ax.get_yticklabels() if n_components == 1 else display.legend_.get_texts()
    names = [text.get_text() for text in texts]
    assert names == [*map(str, range(19, 30)), "other (19 classes)"]


def test_legend_headed_class_holds_classes_only(ax):
    for n_components in (2, 8):
        display = LatentSpaceDisplay.from_latent(normal(60, n_components), np.arange(60) % 3, ax=ax)
        assert display.legend_.get_title().get_text() == "class"
        assert [t.get_text() for t in display.legend_.get_texts()] == ["0", "1", "2"]
    assert "curve: N(0, I), dashed: 99 % of it" in ax.get_title()


def test_long_names_are_left_to_the_legend(ax):
    y = np.repeat(["Rather long class", "b"], 20)
    display = LatentSpaceDisplay.from_latent(normal(40, 2), y, ax=ax)
    assert [t.get_text() for t in ax.texts] == []
    assert [t.get_text() for t in display.legend_.get_texts()] == ["Rather long class", "b"]


def test_of_many_names_the_rarest_are_one_group(ax):
    y = np.repeat([f"class {i:02}" for i in range(30)], np.arange(1, 31))
    display = LatentSpaceDisplay.from_latent(normal(len(y), 2), y, ax=ax)
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names[0] == "class 19"  # of 20 rows; eleven classes are larger or equal
    assert names[11] == "other (19 classes)"
    sizes = [len(points.get_offsets()) for points in display.scatter_]
    assert sizes == [*range(20, 31), sum(range(1, 20))]


def test_a_collapsed_latent_space_can_be_looked_at(ax):
    display = LatentSpaceDisplay.from_latent(np.ones((20, 2)), ax=ax)
    assert len(display.scatter_[0].get_offsets()) == 20
    LatentSpaceDisplay.from_latent(np.zeros((20, 3)), ax=ax)


def test_legend_stays_within_the_place_of_the_axes():
    figure = plt.figure(figsize=(10, 4))
    left, _ = figure.subplots(1, 2)
    right_end = left.get_position().x1
    display = LatentSpaceDisplay.from_latent(normal(50, 2), np.arange(50) % 10, ax=left)
    box = display.legend_.get_window_extent().transformed(figure.transFigure.inverted())
    assert left.get_position().x1 < box.x0 < box.x1 < right_end + 0.01


@pytest.mark.parametrize("axes", [(0, 0), (0, 2), (-1, 0), (0.0, 1.0), 1, (0, 1, 1)])
def test_bad_axes(axes):
    with pytest.raises(
        ValueError, match=r"axes must be two different integers in the range \[0, 2\)"
    ):
        LatentSpaceDisplay.from_latent(normal(9, 2), axes=axes)


def test_bad_codes_and_labels():
    with pytest.raises(ValueError, match="y must have one label for each of the 9 codes"):
        LatentSpaceDisplay.from_latent(normal(9, 2), np.zeros(8))
    with pytest.raises(ValueError, match=r"NaN.*row 3, column 1"):
        LatentSpaceDisplay.from_latent(np.where(np.arange(18).reshape(9, 2) == 7, np.nan, 1.0))
    with pytest.raises(ValueError, match="level == 1"):
        LatentSpaceDisplay.from_latent(normal(9, 2), level=1.0)
    assert plt.get_fignums() == []  # nothing is drawn of bad input


# ---------------------------------------------------------------------- gaps


def test_map_of_the_support(ax):
    draws = normal(100, 2)
    display = LatentSupportDisplay(gaps=gaps_of(draws)).plot(ax)
    assert len(display.supported_.get_offsets()) == np.sum(draws[:, 0] > 0)
    assert np.array_equal(display.in_gap_.get_offsets(), draws[draws[:, 0] <= 0])
    region, (left, right, *_) = display.image_.get_array(), display.image_.get_extent()
    centres = left + (np.arange(200) + 0.5) / 200 * (right - left)
    assert np.array_equal(region, np.tile(centres > 0, (200, 1)))
    start, end = display.largest_gap_.get_xydata()
    assert start == pytest.approx(draws[0])
    assert np.linalg.norm(end - start) == pytest.approx(0.7)
    assert "0.40 [0.35, 0.47]" in ax.get_title()
    assert "finer than 0.2 units: seen among dense codes only" in ax.get_title()


@pytest.mark.parametrize("n_components", [1, 2])
def test_largest_gap_is_in_view(n_components, ax):
    codes = normal(300, n_components)
    options = {"n_draws": 1000, "n_resamples": 0, "random_state": 0}
    display = LatentSupportDisplay.from_latent(codes, ax=ax, **options)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    x, y = display.largest_gap_.get_xydata().T
    assert np.all((left < x) & (x < right))
    assert np.all((bottom < y) & (y < top))
    assert "radius" in display.largest_gap_.get_label()


def test_map_of_one_component(ax):
    draws = normal(100, 1)
    display = LatentSupportDisplay(gaps=gaps_of(draws)).plot(ax)
    assert np.array_equal(display.in_gap_.get_offsets()[:, 0], draws[draws <= 0])
    assert display.image_.get_array().shape == (1, 200)
    (start, height), (end, same) = display.largest_gap_.get_xydata()
    assert (start, abs(end - start), same) == pytest.approx((draws[0, 0], 0.7, height))


def test_many_draws_are_thinned_out_in_proportion(ax):
    display = LatentSupportDisplay(gaps=gaps_of(normal(20_000, 2))).plot(ax)
    shown = [len(points.get_offsets()) for points in (display.supported_, display.in_gap_)]
    assert sum(shown) == 2000
    assert shown[0] == pytest.approx(1000, abs=100)


def test_bars_of_samplers(ax):
    nan = (np.nan, np.nan)
    gaps = {
        name: gaps_of(normal(20, 16), name, value) for name, value in [("box", 0.9), ("me", 0.4)]
    }
    display = LatentSupportDisplay(gaps=gaps).plot(ax)
    assert [bar.get_width() for bar in display.bars_] == [0.9, 0.4]
    assert {"box", "me"} <= {text.get_text() for text in ax.texts}
    gaps = gaps_of(normal(20, 30), interval=nan)
    LatentSupportDisplay(gaps=gaps).plot(ax)
    assert "hollow centres" in ax.get_title()
    assert "prior_mismatch" not in ax.get_title()  # which may not have been measured


def test_no_number_is_written_over_the_floor(ax):
    gaps = [gaps_of(normal(20, 16), "me", 0.0, (0.0, 0.005)), gaps_of(normal(20, 16))]
    gaps[0].floor = 0.06
    LatentSupportDisplay(gaps=gaps).plot(ax)
    ax.figure.draw_without_rendering()
    (number,) = [text for text in ax.texts if text.get_text() == "0.00"]
    floor = ax.transData.transform((gaps[0].floor, 0))[0]
    assert number.get_window_extent().x0 > floor + 1


def test_bad_kind_of_support():
    display = LatentSupportDisplay(gaps=gaps_of(normal(20, 3)))
    with pytest.raises(ValueError, match="kind='map' needs codes of one or two components"):
        display.plot(kind="map")
    with pytest.raises(ValueError, match="kind must be one of"):
        display.plot(kind="line")


@pytest.mark.parametrize("wrong", [areas_of([1.0], [0]), None, [], 3])
def test_results_of_other_metrics_are_refused(wrong):
    with pytest.raises((TypeError, ValueError), match=r"result.* of the metric 'gap_fraction'"):
        LatentSupportDisplay(gaps=wrong).plot()


# ---------------------------------------------------------------------- classes


def test_bars_of_class_areas(ax):
    display = ClassAreaDisplay(areas=areas_of([0.5, 0.3, 0.2], ["a", "c", "d"], ["b"])).plot(ax)
    assert [bar.get_height() for bar in display.bars_] == [0.5, 0.3, 0.2]
    assert list(display.target_.get_ydata()) == pytest.approx([1 / 3, 1 / 3])
    (whiskers,) = display.bars_.errorbar.lines[2]
    ends = np.array(whiskers.get_segments())[:, :, 1]
    assert ends == pytest.approx(np.array([[0.45, 0.6], [0.25, 0.4], [0.15, 0.3]]))
    # The colours are those of a scatter of all four classes.
    assert [bar.get_facecolor()[:3] for bar in display.bars_] == [
        to_rgb(COLORS[c]) for c in (0, 2, 3)
    ]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "c", "d"]


def test_targets_that_differ_are_marked_one_by_one(ax):
    areas = areas_of([0.5, 0.5], [0, 1])
    areas.target = np.array([0.9, 0.1])
    display = ClassAreaDisplay(areas=areas).plot(ax)
    assert [segment[0, 1] for segment in display.target_.get_segments()] == [0.9, 0.1]


def test_bars_of_sampled_classes(ax):
    display = SampledClassesDisplay(sampled=sampled_of(decoded=np.array([0.6, 0.4]))).plot(ax)
    assert [bar.get_height() for bar in display.bars_] == [0.5, 0.2, 0.3]
    assert [bar.get_height() for bar in display.territory_] == [0.7, 0.3]
    assert list(display.decoded_.get_ydata()) == [0.6, 0.4]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "gap"]


def test_each_of_many_bars_is_named(ax):
    share = np.full(30, 1 / 30)
    ClassAreaDisplay(areas=areas_of(share, np.arange(30))).plot(ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == [*map(str, range(30))]
    many = areas_of(np.full(90, 1 / 90), np.arange(90))
    ClassAreaDisplay(areas=many).plot(ax)
    assert ax.get_xlabel() == "class (one name in 3 is written)"


def test_parts_of_many_classes_can_be_told_apart(ax):
    sampled = [sampled_of(), sampled_of("normal")]
    for result in sampled:
        result.classes = np.arange(30)
        result.share = np.where(np.arange(30) == 7, 0.1, 0.6 / 29)
    display = SampledClassesDisplay(sampled=sampled).plot(ax)
    colors = [bars[0].get_facecolor() for bars in display.bars_]
    assert all(a != b for a, b in pairwise(colors))
    assert [t.get_text() for t in ax.texts].count("7") == 2
    assert "30 classes from 0 to 29, wide parts named" in ax.get_title()


def test_stacked_bars_of_samplers_add_up_to_one(ax):
    sampled = {"box": sampled_of(), "normal": sampled_of("normal")}
    display = SampledClassesDisplay(sampled=sampled).plot(ax)
    widths = np.array([[bar.get_width() for bar in bars] for bars in display.bars_])
    assert widths == pytest.approx(np.array([[0.5, 0.5], [0.2, 0.2], [0.3, 0.3]]))
    assert [bar.get_x() for bar in display.bars_[2]] == pytest.approx([0.7, 0.7])
    sampled["box"].classes = np.array(["a", "z"])
    with pytest.raises(ValueError, match="must have the same classes"):
        SampledClassesDisplay(sampled=sampled).plot(ax)


# ---------------------------------------------------------------------- pictures


def picture(image, row, column, shape=(8, 8), header=0):
    """One image of a mosaic, without its rim and what is blank above; blanks are NaN."""
    mosaic = np.ma.filled(image.get_array(), np.nan)
    height, width = shape[0] + 2 + header, shape[1] + 2
    cell = mosaic[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return cell[1 + header : -1, 1:-1]


def test_images_of_a_grid_are_the_decoded_rows_where_their_points_lie(digits, pca, ax):
    display = DecodedGridDisplay.from_estimator(pca, digits, n_points=5, image_shape=(8, 8), ax=ax)
    codes = pca.transform(digits)
    low, high = np.quantile(codes, [0.05, 0.95], axis=0)
    assert display.points[0] == pytest.approx([low[0], high[1]])  # top left
    assert display.points[-1] == pytest.approx([high[0], low[1]])
    left, right, bottom, top = display.image_.get_extent()
    for i, point in enumerate(display.points):
        row, column = divmod(i, 5)
        expected = pca.inverse_transform(point[None]).reshape(8, 8)
        assert picture(display.image_, row, column) == pytest.approx(expected)
        centre = (
            left + (column + 0.5) / 5 * (right - left),
            top - (row + 0.5) / 5 * (top - bottom),
        )
        assert point == pytest.approx(centre)


def test_other_components_stay_at_their_medians(digits):
    pca = PCA(4).fit(digits)
    display = DecodedGridDisplay.from_estimator(pca, digits, image_shape=(8, 8), axes=(1, 3))
    medians = np.median(pca.transform(digits), axis=0)
    assert np.ptp(display.points[:, [0, 2]], axis=0) == pytest.approx(0)
    assert display.points[0, [0, 2]] == pytest.approx(medians[[0, 2]])
    assert "medians" in display.ax_.get_title()
    widest = DecodedGridDisplay.from_estimator(pca, digits)
    assert widest.axes == (0, 1)


def test_one_component_without_images_is_a_heat_map(curve, ax):
    pca = PCA(1).fit(curve)
    display = DecodedGridDisplay.from_estimator(pca, curve, ax=ax)
    assert display.image_.get_array().shape == (3, 100)
    assert np.asarray(display.image_.get_array()[:, 7]) == pytest.approx(display.decoded[7])


def test_profiles_lie_in_their_cells_on_one_scale(curve, ax):
    pca = PCA(2).fit(curve)
    display = DecodedGridDisplay.from_estimator(pca, curve, n_points=3, ax=ax)
    segments = display.lines_.get_segments()
    assert len(segments) == 9
    heights = np.array([segment[:, 1] for segment in segments])
    cell = (ax.get_ylim()[1] - ax.get_ylim()[0]) / 3
    within = (heights - ax.get_ylim()[0]) % cell
    fit = np.polyfit(np.ravel(display.decoded), np.ravel(within), 1)
    assert np.polyval(fit, display.decoded) == pytest.approx(within, abs=1e-9 * cell + 1e-9)


def test_points_and_pictures_carry_the_same_numbers(digits, pca, ax):
    points = [[2.0, -2.0], [2.1, -2.1], [0.0, 0.0]]
    display = DecodedGridDisplay.from_estimator(
        pca, digits, points=points, kind="overlay", image_shape=(8, 8), ax=ax
    )
    codes_ax, picture_ax = display.axes_
    places = {t.get_text(): t.get_position() for t in codes_ax.texts}
    assert [places[number] for number in "123"] == [tuple(point) for point in points]
    assert [t.get_text() for t in picture_ax.texts] == ["1", "2", "3"]
    second = picture(display.image_, 0, 1, header=4)
    assert second == pytest.approx(pca.inverse_transform([points[1]]).reshape(8, 8))
    third = picture(display.image_, 1, 0, header=4)
    assert third == pytest.approx(pca.inverse_transform([points[2]]).reshape(8, 8))
    assert np.isnan(picture(display.image_, 1, 1, header=4)).all()


@pytest.mark.parametrize("shape", [(8, 8), None])
@pytest.mark.parametrize("size", [(5, 4), (10, 4.5)])
def test_numbers_of_points_are_above_their_pictures(shape, size, digits, pca):
    figure = Figure(size)
    display = DecodedGridDisplay.from_estimator(
        pca, digits, n_points=5, kind="overlay", image_shape=shape, ax=figure.subplots()
    )
    figure.draw_without_rendering()
    _, ax = display.axes_
    ends = [ax.transData.inverted().transform(t.get_window_extent())[:, 1] for t in ax.texts]
    for i, (bottom, top) in enumerate(ends):
        cell = 5 - i // 5
        below = cell - 1 + 9 / 14 if shape else display.lines_.get_segments()[i][:, 1].max()
        assert below < bottom < top < cell


def test_points_are_not_taken_for_classes(digits, pca, ax):
    y = np.arange(len(digits)) % 10
    options = {"kind": "overlay", "image_shape": (8, 8)}
    display = DecodedGridDisplay.from_estimator(pca, digits, y, ax=ax, **options)
    left, _ = display.axes_
    assert [t.get_text() for t in left.texts] == [str(i + 1) for i in range(16)]
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == [str(c) for c in range(10)]
    # One component: a lane of the points' own, below those of the classes.
    display = DecodedGridDisplay.from_estimator(PCA(1).fit(digits), digits, y, **options)
    left, _ = display.axes_
    labels = [label.get_text() for label in left.get_yticklabels()]
    lanes = dict(zip(labels, left.get_yticks(), strict=True))
    heights = {t.get_position()[1] for t in left.texts}
    assert heights == {lanes["points"]}
    assert min(abs(lanes["points"] - lanes[name]) for name in names) > 0.8


def test_an_overlay_of_many_components_says_where_the_others_are(digits):
    pca = PCA(4).fit(digits)
    grid = DecodedGridDisplay.from_estimator(pca, digits, kind="overlay")
    assert "all other components of the points at their medians" in grid.ax_.get_title()
    own = DecodedGridDisplay.from_estimator(pca, digits, points=np.eye(4), kind="overlay")
    assert "2 of 4 components are shown" in own.ax_.get_title()


def test_pictures_say_what_values_they_show(digits, pca, ax):
    grid = DecodedGridDisplay.from_estimator(pca, digits, ax=ax)
    low, high = np.min(grid.decoded), np.max(grid.decoded)
    assert f"values from {low:.3g} to {high:.3g}" in ax.get_title()
    gray = "values from 0 (white) to 1 (black)"
    options = {"image_shape": (8, 8), "ax": ax}
    DecodedGridDisplay.from_estimator(pca, digits, **options)
    assert gray in ax.get_title()
    ReconstructionDisplay.from_estimator(pca, digits, **options)
    assert gray in ax.get_title()
    SamplesDisplay.from_estimator(KernelDensity().fit(digits), digits, **options)
    assert ax.get_xlabel() == gray
    DecodedGridDisplay.from_estimator(
        pca, digits, image_kwargs={"cmap": "viridis", "vmax": 7}, **options
    )
    assert ax.get_title().endswith("values from 0 to 7")
    colours = np.random.RandomState(0).uniform(size=(4, 27))
    SamplesDisplay(X_sampled=colours, image_shape=(3, 3, 3)).plot(ax)
    assert ax.get_xlabel() == ""


def test_reconstructions_from_best_to_worst(digits, pca, ax):
    y = np.arange(len(digits)) % 3
    display = ReconstructionDisplay.from_estimator(
        pca, digits, y, n_rows=5, image_shape=(8, 8), ax=ax
    )
    decoded = pca.inverse_transform(pca.transform(digits))
    errors = np.sqrt(np.mean((digits - decoded) ** 2, axis=1))
    assert display.errors_ == pytest.approx(errors)
    shown = display.rows_
    assert np.all(np.diff(errors[shown]) > 0)
    assert (shown[0], shown[-1]) == (errors.argmin(), errors.argmax())
    assert picture(display.image_, 0, 2) == pytest.approx(digits[shown[2]].reshape(8, 8))
    assert picture(display.image_, 1, 2) == pytest.approx(decoded[shown[2]].reshape(8, 8))
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == [f"{y[row]}\n{errors[row]:.3g}" for row in shown]


def test_reconstructions_from_codes(digits, pca, ax):
    display = ReconstructionDisplay.from_latent(
        pca.transform(digits), X=digits, decode=pca.inverse_transform, ax=ax
    )
    rows, decoded = display.lines_
    assert len(rows.get_segments()) == len(decoded.get_segments()) == 8
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ReconstructionDisplay.from_latent(
            pca.transform(digits)[1:], X=digits, decode=pca.inverse_transform
        )


def test_colour_images(ax):
    rows = np.random.RandomState(0).uniform(size=(4, 27))
    display = SamplesDisplay(X_sampled=255 * rows, image_shape=(3, 3, 3)).plot(ax)
    shown = picture(display.image_, 0, 1, (3, 3))
    assert shown == pytest.approx(rows[1].reshape(3, 3, 3))


def test_samples_come_back_through_the_pipeline(digits):
    pipe = make_pipeline(StandardScaler(), GaussianMixture(random_state=0)).fit(digits)
    display = SamplesDisplay.from_estimator(pipe, digits, n_samples=300, image_shape=(8, 8))
    assert display.X_sampled.shape == (300, 64)
    assert display.X_sampled.mean(axis=0) == pytest.approx(digits.mean(axis=0), abs=0.15)
    assert display.limits == (0, 1)


def test_samples_of_codes(digits, pca):
    codes = pca.transform(digits)
    options = {"decode": pca.inverse_transform, "sampler": "normal", "random_state": 0}
    first = SamplesDisplay.from_latent(codes, n_samples=4, **options)
    again = SamplesDisplay.from_latent(codes, n_samples=4, **options)
    assert np.array_equal(first.X_sampled, again.X_sampled)
    residual = first.X_sampled - pca.inverse_transform(pca.transform(first.X_sampled))
    assert residual == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 9), r"must hold 64 numbers.*Got \(8, 9\) instead, which holds 72"),
        ((64,), r"must be \(height, width\).*Got \(64,\)"),
        ((8, 4, 2), "1, 3 or 4 channels"),
        (8, "must be"),
        ((8.0, 8.0), "must be"),
    ],
)
def test_wrong_image_shape(shape, message, digits, pca):
    for make in (DecodedGridDisplay, ReconstructionDisplay):
        with pytest.raises(ValueError, match=message):
            make.from_estimator(pca, digits, image_shape=shape)
    with pytest.raises(ValueError, match=message):
        SamplesDisplay(X_sampled=digits, image_shape=shape).plot()
    assert plt.get_fignums() == []


def test_bad_points_and_decoders(digits, pca):
    codes = pca.transform(digits)
    with pytest.raises(ValueError, match="points must have 2 columns"):
        DecodedGridDisplay.from_estimator(pca, digits, points=[[1, 2, 3]])
    with pytest.raises(ValueError, match="n_points == 1"):
        DecodedGridDisplay.from_estimator(pca, digits, n_points=1)
    with pytest.raises(ValueError, match="kind must be one of"):
        DecodedGridDisplay.from_estimator(pca, digits, kind="mosaic")
    with pytest.raises(TypeError, match="decode must be a function"):
        DecodedGridDisplay.from_latent(codes, decode=None)
    with pytest.raises(ValueError, match="decoded must have 100 rows"):
        DecodedGridDisplay.from_latent(codes, decode=lambda Z: Z[:3])
    with pytest.raises(ValueError, match="decoded contains NaN"):
        DecodedGridDisplay.from_latent(codes, decode=lambda Z: Z * np.nan)
    with pytest.raises(ValueError, match="overlay' needs X_latent"):
        DecodedGridDisplay(points=codes[:4], decoded=digits[:4]).plot(kind="overlay")


# ---------------------------------------------------------------------- training


def test_losses_and_validation_scores(ax):
    X = normal(200, 4)
    mlp = MLPRegressor(hidden_layer_sizes=3, early_stopping=True, max_iter=500, tol=0.01,
                       random_state=0).fit(X, X[:, 0])  # fmt: skip
    display = LossCurveDisplay.from_estimator(mlp, ax=ax)
    assert list(display.line_.get_ydata()) == mlp.loss_curve_
    assert list(display.line_.get_xdata()) == list(range(1, mlp.n_iter_ + 1))
    assert list(display.validation_line_.get_ydata()) == mlp.validation_scores_
    assert display.best_.get_xdata()[0] == np.argmax(mlp.validation_scores_) + 1


def test_losses_of_an_autoencoder_in_a_pipeline(digits, quick):
    pipe = make_pipeline(StandardScaler(), quick(tol=1e9, n_iter_no_change=3)).fit(digits)
    display = LossCurveDisplay.from_estimator(pipe)
    assert list(display.line_.get_ydata()) == pipe[-1].loss_curve_
    assert display.validation_line_ is None
    assert display.best_.get_xdata()[0] == np.argmin(pipe[-1].loss_curve_) + 1


def test_losses_over_decades_have_a_logarithmic_axis(ax):
    LossCurveDisplay(loss_curve=[100, 1, 0.1]).plot(ax)
    assert ax.get_yscale() == "log"


def test_losses_below_zero_have_a_linear_axis(ax):
    LossCurveDisplay(loss_curve=[100, 1, -0.1]).plot(ax)
    assert ax.get_yscale() == "linear"


def test_no_losses(pca):
    with pytest.raises(TypeError, match=r"must have loss_curve_. Got PCA"):
        LossCurveDisplay.from_estimator(pca)


# ---------------------------------------------------------------------- estimators


class Sampling(PCA):
    """A transformer with a posterior: codes plus what random_state draws."""

    def sample_posterior(self, X, *, random_state=None):
        return self.transform(X) + np.random.RandomState(random_state).normal(size=(len(X), 2))


def test_codes_are_posterior_samples_where_there_are_any(digits):
    model = Sampling(2).fit(digits)
    expected = model.sample_posterior(digits, random_state=3)
    assert np.array_equal(latent_codes(model, digits, random_state=3), expected)
    pipe = make_pipeline(StandardScaler(), Sampling(2)).fit(digits)
    scaled = pipe[0].transform(digits)
    expected = pipe[-1].sample_posterior(scaled, random_state=3)
    assert np.array_equal(latent_codes(pipe, digits, random_state=3), expected)
    search = GridSearchCV(pipe, {"sampling__whiten": [False]}, cv=2).fit(digits)
    assert latent_codes(search, digits, random_state=3) == pytest.approx(expected)


def test_codes_and_decoder_of_a_pipeline(digits):
    pipe = make_pipeline(StandardScaler(), PCA(2)).fit(digits)
    assert np.array_equal(latent_codes(pipe, digits), pipe.transform(digits))
    codes = pipe.transform(digits)
    assert np.array_equal(decoder_of(pipe)(codes), pipe.inverse_transform(codes))
    assert decoder_of(make_pipeline(Normalizer(), PCA(2)).fit(digits)) is None


def test_missing_methods_are_named(digits):
    pipe = make_pipeline(Normalizer(), PCA(2)).fit(digits)
    for make in (DecodedGridDisplay, ReconstructionDisplay):
        with pytest.raises(TypeError, match=r"inverse_transform.*'normalizer' lacks it"):
            make.from_estimator(pipe, digits)
    with pytest.raises(TypeError, match="must have sample, to draw rows"):
        SamplesDisplay.from_estimator(PCA(2).fit(digits))
    with pytest.raises(TypeError, match=r"must have transform.*give codes instead"):
        LatentSpaceDisplay.from_estimator(KernelDensity().fit(digits), digits)


def test_embeddings_are_codes_of_the_rows_they_were_made_from(digits):
    tsne = TSNE(init="random", perplexity=5, max_iter=250, random_state=0).fit(digits[:20])
    display = LatentSpaceDisplay.from_estimator(tsne, digits[:20])
    assert np.array_equal(display.X_latent, tsne.embedding_)
    with pytest.raises(ValueError, match=r"TSNE has no transform.*the 20 rows.*Got 19"):
        LatentSpaceDisplay.from_estimator(tsne, digits[:19])


@pytest.mark.parametrize(
    "make",
    [
        LatentSpaceDisplay, LatentSupportDisplay, ClassAreaDisplay, SampledClassesDisplay,
        DecodedGridDisplay, ReconstructionDisplay, SamplesDisplay, LossCurveDisplay,
    ],
)  # fmt: skip
def test_estimators_must_be_fitted(make, digits, quick):
    with pytest.raises(NotFittedError):
        make.from_estimator(quick(), digits, np.zeros(len(digits)))


# ---------------------------------------------------------------------- from the metrics


@pytest.fixture
def two_discs():
    """Two discs of radius 1 at (±2, 0), labelled."""
    rng = np.random.RandomState(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 800), np.sqrt(rng.uniform(size=800))
    y = np.repeat(["left", "right"], 400)
    x = radius * np.cos(angle) + np.where(y == "left", -2, 2)
    return np.column_stack([x, radius * np.sin(angle)]), y


def test_support_is_computed_and_drawn(two_discs, ax):
    codes, _ = two_discs
    options = {"n_draws": 2000, "n_resamples": 0, "random_state": 0}
    display = LatentSupportDisplay.from_latent(codes, ax=ax, **options)
    (gaps,) = display.gaps
    assert len(display.in_gap_.get_offsets()) == np.sum(~gaps.supported)
    region = display.image_.get_array()
    left, right, bottom, top = display.image_.get_extent()
    column, row = int(200 * (0 - left) / (right - left)), int(200 * (0 - bottom) / (top - bottom))
    assert region[row, column] == 0  # the void between the discs
    assert region[row, int(200 * (2 - left) / (right - left))] == 1
    several = LatentSupportDisplay.from_latent(
        codes, sampler=["box", "interpolate"], ax=ax, **options
    )
    assert [bar.get_width() for bar in several.bars_] == [g.value for g in several.gaps]


def test_class_areas_are_computed_and_drawn(two_discs, ax):
    display = ClassAreaDisplay.from_latent(*two_discs, n_resamples=3, random_state=0, ax=ax)
    assert [bar.get_height() for bar in display.bars_] == pytest.approx([0.5, 0.5], abs=0.05)


def test_sampled_classes_are_computed_and_drawn(two_discs, ax):
    options = {"n_draws": 1000, "n_resamples": 0, "random_state": 0}
    display = SampledClassesDisplay.from_latent(*two_discs, ax=ax, **options)
    assert sum(bar.get_height() for bar in display.bars_) == pytest.approx(1)
    several = SampledClassesDisplay.from_latent(
        *two_discs, sampler=("box", "normal"), ax=ax, **options
    )
    assert several.sampled[0].share == pytest.approx(display.sampled[0].share)


def test_the_estimators_own_law_is_the_default(digits, quick, ax):
    y = np.arange(len(digits)) % 3
    est = quick(tol=1e9, n_iter_no_change=1, latent_sampler="kde").fit(digits)
    options = {"n_draws": 200, "n_resamples": 0, "random_state": 0, "ax": ax}
    support = LatentSupportDisplay.from_estimator(est, digits, **options)
    sampled = SampledClassesDisplay.from_estimator(est, digits, y, **options)
    assert support.gaps[0].sampler == sampled.sampled[0].sampler == "kde"


# ---------------------------------------------------------------------- colours

# Simulation of dichromats in linear RGB [G. M. Machado et al., IEEE TVCG 15, 2009, severity 1].
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(rgb):
    """CIELAB (D65) of linear sRGB."""
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.clip(rgb, 0, 1) @ np.transpose(to_xyz) / [0.95047, 1, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


@pytest.mark.parametrize(
    ("vision", "least"),
    [("normal", 38), ("deuteranopia", 27), ("protanopia", 27), ("tritanopia", 20)],
)
def test_colours_can_be_told_apart(vision, least):
    rgb = np.array([to_rgb(color) for color in COLORS])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = lab(linear @ np.transpose(VISION[vision]))
    distance = np.linalg.norm(seen[:, None] - seen, axis=2)[np.triu_indices(len(COLORS), 1)]
    assert distance.min() > least
    assert np.linalg.norm(seen - [100, 0, 0], axis=1).min() > 20  # from the white ground


def test_every_class_has_a_marker_of_its_own():
    assert len(set(MARKERS)) == len(COLORS) == 12
