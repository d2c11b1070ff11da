"""
The variational answer to the three faults
==========================================

The latent space of a plain autoencoder is unbounded, shares its room unequally among the
classes and has gaps (``plot_latent_faults.py``). A variational autoencoder is trained so that
its codes as a whole follow N(0, I): two random numbers, decoded, should be a new digit. Both
are fitted on the same digits with their defaults, and stand side by side: what gets
better, what does not, and what it costs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, LatentDiagnostics, VariationalAutoencoderTransformer
from skae.inspection import (
    ClassAreaDisplay,
    DecodedGridDisplay,
    LatentSpaceDisplay,
    LatentSupportDisplay,
    SamplesDisplay,
)
from skae.metrics import latent_gaps, sample_quality, sampled_classes

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)


def fit_both(n_components):
    """A plain and a variational model, trained alike."""
    options = {"n_components": n_components, "random_state": 0}
    return {
        "plain": AutoencoderTransformer(**options).fit(X_train),
        "variational": VariationalAutoencoderTransformer(**options).fit(X_train),
    }


models = fit_both(2)


def side_by_side(draw):
    """Draw both models with the same limits."""
    panels = {"ncols": 2, "sharex": True, "sharey": True, "layout": "constrained"}
    axes = plt.subplots(figsize=(12, 5.2), **panels)[1]
    for ax, (name, model) in zip(axes, models.items(), strict=True):
        draw(model, ax)
        ax.title.set_text(f"{name}\n{ax.get_title()}")


# %%
# First fault: unbounded
# ----------------------
# The dashed circle holds 99 % of N(0, I). Left and middle have the same scale: the codes of
# the variational model stay in the circle, those of the plain one go far beyond. Enlarged,
# on the right, all digits are there. Codes of the variational model are draws from the posteriors
# (``sample_posterior``), one for each row, because its decoder was trained on these.

figure, axes = plt.subplots(ncols=3, figsize=(15, 5), layout="constrained")
axes[1].sharex(axes[0])
axes[1].sharey(axes[0])
panels = {"plain": "plain", "variational": "variational", "variational, enlarged": "variational"}
for ax, (title, name) in zip(axes, panels.items(), strict=True):
    legend = ax is axes[-1]
    LatentSpaceDisplay.from_estimator(
        models[name], X_train, y_train, legend=legend, random_state=0, ax=ax
    )
    ax.title.set_text(f"{title}\n{ax.get_title()}")
for text in axes[1].texts:
    text.set_visible(False)  # ten digits have no room in so small a cloud

# %%
# Second fault: unequal areas
# ---------------------------
# The share of the latent area that each digit takes. The variational model evens it out, but
# not all the way. Nothing in its objective speaks of classes.

side_by_side(
    lambda model, ax: ClassAreaDisplay.from_estimator(
        model, X_train, y_train, random_state=0, ax=ax
    )
)

# %%
# Third fault: gaps
# -----------------
# The same draws from N(0, I) in both spaces: dots where codes are near, crosses where none
# is. The plain model's codes are so wide that N(0, I) covers only their centre: few gaps there
do not make it fit for drawing from, as the next two figures show.

side_by_side(
    lambda model, ax: LatentSupportDisplay.from_estimator(
        model, X_train, sampler="standard_normal", random_state=0, ax=ax
    )
)

# %%
# Latent points and their decodings
# ---------------------------------
# The same square of both latent spaces, which holds 98 % of N(0, I), decoded. In the
# plain space a few digits fill it. In the variational space nearly all find a place.

side = np.linspace(-2.5, 2.5, 12)
grid = np.array([[column, row] for row in side[::-1] for column in side])
pictures = {"image_shape": (8, 8), "limits": (0, 1)}
side_by_side(
    lambda model, ax: DecodedGridDisplay(
        points=grid, decoded=model.inverse_transform(grid), axes=(0, 1), **pictures
    ).plot(ax)
)

# %%
# Generated digits
# ----------------
# The same 42 draws from N(0, I), decoded by both.

points = np.random.default_rng(0).standard_normal((42, 2))
side_by_side(
    lambda model, ax: SamplesDisplay(
        X_sampled=model.inverse_transform(points), sampler="N(0, I)", **pictures
    ).plot(ax)
)

# %%
# All the numbers
# ---------------
# Of the rows trained on, since the question is where codes of known digits lie. The figure
# adds intervals.

comparison = LatentDiagnostics.compare(
    models, X_train, y_train, sampler="standard_normal", random_state=0
)
print(comparison)
figure = comparison.plot().figure_

# %%
# Fault by fault, with 95 % intervals:


def with_interval(value, interval):
    """Both as text."""
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


print(f"{'':34}{'plain':22}variational")
for label, of_report in {
    "reach (that of N(0, I): 1)": lambda r: (r.extent_.reach, r.extent_.reach_interval),
    "off-centre (at most 1)": lambda r: (r.extent_.off_centre, r.extent_.off_centre_interval),
    "class-area imbalance": lambda r: (r.class_areas_.value, r.class_areas_.interval),
    "largest / smallest class area": lambda r: (r.class_areas_.ratio, r.class_areas_.ratio_interval),
    "draws from N(0, I) in gaps": lambda r: (
        r.gaps_["standard_normal"].value,
        r.gaps_["standard_normal"].interval,
    ),
    "draws from the box in gaps": lambda r: (r.gaps_["box"].value, r.gaps_["box"].interval),
}.items():
    texts = [with_interval(*of_report(report)) for report in comparison.diagnostics.values()]
    print(f"{label:34}{texts[0]:22}{texts[1]}")
