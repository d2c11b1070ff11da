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
X_train, X_test, y_train, _ = train_test_split(X / 16, y, random_state=0)


def fit_both(n_components):
    """A plain and a variational model, trained alike; ``latent_sampler`` is for later."""
    options = {"n_components": n_components, "random_state": 0}
    variational = VariationalAutoencoderTransformer(latent_sampler="posterior", **options)
    return {
        "plain": AutoencoderTransformer(latent_sampler="gmm", **options).fit(X_train),
        "variational": variational.fit(X_train),
    }


models = fit_both(2)


def side_by_side(draw):
    """Draw both models with the same limits."""
    panels = {"ncols": 2, "sharex": True, "sharey": True, "layout": "constrained"}
    axes = plt.subplots(figsize=(12, 5.2), **panels)[1]
    for ax, (name, model) in zip(axes, models.items(), strict=True):
        draw(model, ax)
        ax.title.set_text(f"{name}\n{ax.get_title()}")
    return axes


# %%
# First fault: unbounded
# ----------------------
# The dashed circle holds 99 % of N(0, I). Left and middle have the same scale: the codes of
# the plain model go far beyond the circle, those of the variational one hardly leave it.
# Codes of the variational model are draws from the posteriors (``sample_posterior``), one for
# each row, because its decoder was trained on these.

figure, axes = plt.subplots(ncols=3, figsize=(15, 5), layout="constrained")
axes[1].sharex(axes[0])
axes[1].sharey(axes[0])
panels = {"plain": "plain", "variational": "variational", "variational, enlarged": "variational"}
for ax, (title, name) in zip(axes, panels.items(), strict=True):
    legend = ax is axes[-1]
    options = {"legend": legend, "random_state": 0, "ax": ax}
    LatentSpaceDisplay.from_estimator(models[name], X_train, y_train, **options)
    ax.title.set_text(f"{title}\n{ax.get_title()}")
for text in axes[1].texts:
    text.set_visible(False)  # ten digits have no room in so small a cloud

# %%
# Second fault: unequal areas
# ---------------------------
# The share of the latent area that each digit takes. The variational model evens it out, but
# not all the way. Nothing in its objective speaks of classes.

axes = side_by_side(
    lambda model, ax: ClassAreaDisplay.from_estimator(
        model, X_train, y_train, random_state=0, ax=ax
    )
)
axes[0].set_ylim(0, 0.3)

# %%
# Third fault: gaps
# -----------------
# The same draws from N(0, I) in both spaces: dots where codes are near, crosses where none
# is. The plain model's codes are so wide that N(0, I) covers only their centre: even without
# gaps there it would not be fit for drawing from, as the next two figures show.

side_by_side(
    lambda model, ax: LatentSupportDisplay.from_estimator(
        model, X_train, sampler="standard_normal", random_state=0, ax=ax
    )
)

# %%
# Latent points and their decodings
# ---------------------------------
# The same square of both latent spaces, which holds 98 % of N(0, I), decoded. The plain
# space shows only what lies about its centre. The variational one has room for nearly all
# digits, but for some of them little.

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
# Of the rows trained on, since the question is where codes of known digits lie; with 95 %
# intervals, and a star where a number is more than chance. Fewer draws and half-samples than
# the defaults make this quick, and the intervals a little wider.

effort = {"n_draws": 2000, "n_resamples": 10, "random_state": 0}
options = {"sampler": "standard_normal", **effort}
comparison = LatentDiagnostics.compare(models, X_train, y_train, **options)
print(comparison)
figure = comparison.plot().figure_

# %%
# The digits that draws from N(0, I) land on:

for name, report in comparison.diagnostics.items():
    drawn = report.sampled_classes_["standard_normal"]
    print(
        f"{name}: {drawn.territory.max():.0%} of draws land on digit {drawn.territory.argmax()}, "
        f"{drawn.territory.min():.1%} on digit {drawn.territory.argmin()}."
    )

# %%
# Reach and classes of draws are mended. Areas are more equal, but far from equal. The box of the
# codes remains a poor law: a round cloud leaves its corners empty. Off-centre neither model is by
# much, since training starts at PCA. And gaps under N(0, I) are fewer. How many the plain model has
# there, at the centre of its codes, changes with the seed; in more dimensions there are many.
#
# More components
# ---------------
# Reconstructions, and decoded draws, are held against digits that no model has seen, by
# :func:`~skae.metrics.sample_quality`. The plain model never promised N(0, I), so each has a
# second line: draws from its ``latent_sampler_``, a mixture fitted on the codes afterwards, and
# the mean of the posteriors of the rows trained on.

QUALITY = ["precision", "recall", "density", "coverage"]
NUMBERS = {
    "error": "mean squared error of reconstructions",
    "in gaps": "share of draws in gaps",
    "imbalance": "imbalance of the classes of draws",
    **{name: f"{name} of decoded draws" for name in QUALITY},
}
STYLES = {
    "plain, N(0, I)": ("o", "#0033bb"),
    "plain, own mixture": ("^", "#0033bb"),
    "variational, N(0, I)": ("s", "#bb7711"),
    "variational, posteriors": ("D", "#bb7711"),
}


def measure(model, codes, sampler):
    """Value, low and high end of the interval, for each of the numbers."""
    law = {"sampler": sampler, **effort}
    classes, gaps = sampled_classes(codes, y_train, **law), latent_gaps(codes, **law)
    decoded = model.inverse_transform(classes.draws)
    quality = sample_quality(X_test, decoded, n_resamples=10, random_state=0)
    errors = np.square(X_test - model.inverse_transform(model.transform(X_test))).mean(axis=1)
    error, margin = errors.mean(), 1.96 * errors.std() / len(errors) ** 0.5
    rows = [(error, error - margin, error + margin)]
    rows += [(result.value, *result.interval) for result in (gaps, classes)]
    return rows + [(quality[name], *quality.intervals[name]) for name in QUALITY]


sizes, results = [2, 16], []
for size in sizes:
    plain, variational = (models if size == 2 else fit_both(size)).values()
    posterior_codes = variational.sample_posterior(X_train, random_state=0)
    pairs = [(plain, plain.transform(X_train)), (variational, posterior_codes)]
    laws = [("standard_normal", model.latent_sampler_) for model, _ in pairs]
    results.append(
        [measure(*pair, law) for pair, two in zip(pairs, laws, strict=True) for law in two]
    )
results = np.array(results)  # by size, style, number and (value, low, high)

real = sample_quality(X_test, X_train, n_resamples=0, random_state=0)
print(f"{'components':26}" + "".join(f"{name:>10}" for name in NUMBERS))
for i, size in enumerate(sizes):
    for label, numbers in zip(STYLES, results[i, :, :, 0], strict=True):
        print(f"{size:2}  {label:22}" + "".join(f"{value:10.3g}" for value in numbers))
print(f"{'real rows':56}" + "".join(f"{real[name]:10.3g}" for name in QUALITY))

# %%
# The figure has their 95 % intervals.

figure, axes = plt.subplots(nrows=2, ncols=4, figsize=(14, 6.5), layout="constrained")
*panels, corner = axes.ravel()
for j, (ax, (name, meaning)) in enumerate(zip(panels, NUMBERS.items(), strict=True)):
    for i, (label, (fmt, color)) in enumerate(STYLES.items()):
        value, low, high = results[:, i, j].T
        error = np.maximum([value - low, high - value], 0)  # rounding may leave -1e-16
        beside = np.arange(2) + (i - 1.5) / 8
        ax.errorbar(beside, value, error, fmt=fmt, color=color, capsize=3, label=label)
    if name in QUALITY:
        ax.axhline(real[name], color="black", lw=1, label="real rows")
    ax.margins(y=0.1)
    ax.set(xlabel="components", ylabel=meaning, xlim=(-0.5, 1.5), ylim=(0, None))
    ax.set_xticks(range(2), sizes)
corner.set_axis_off()
corner.legend(*panels[-1].get_legend_handles_labels(), loc="center")

# %%
# With 16 components half of the draws of the plain model from N(0, I) fall into gaps, one in six
# does not look like a digit, and all of them cover less than half of the digits. The variational
# model gives a law that is known beforehand, but in more dimensions it keeps gaps too, fewer with a
# larger ``beta``. Laws fitted on the codes afterwards have fewer: the mixture makes the plain model
# a generator as well, and the mean of the posteriors brings the coverage of the variational one up
# to that of real rows; what it draws are variations of the rows trained on, more typical than real
# rows by precision and density. Draws of the mixture are as dense as real rows, with a lower
# precision. The recall of both is below that of real rows. With 2 components all draws lie on a
# sheet of two dimensions, which is why their recall is next to nothing. What the prior costs in
# reconstructions:

error = results[:, :, 0, 0]
for size, ratio in zip(sizes, error[:, 2] / error[:, 0], strict=True):
    print(f"{size:2} components: squared error {ratio:.2f} times that of the plain model")
plt.show()
