"""
PCA, t-SNE and an autoencoder, diagnosed side by side
=====================================================

Three maps of the same handwritten digits, each with two numbers for an image, by
:class:`~sklearn.decomposition.PCA`, :class:`~sklearn.manifold.TSNE` and
:class:`~skae.AutoencoderTransformer`. :class:`~skae.LatentDiagnostics` measures any codes, whatever
they come from, and so says what each of the maps is good for. None is best at everything.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skae import AutoencoderTransformer, LatentDiagnostics
from skae.inspection import LatentSpaceDisplay

# %%
# Three maps of 1000 digits
# -------------------------
# t-SNE makes an island of nearly every digit, and of some digits several. The autoencoder
# spreads most digits like the arms of a star, crowded at its centre. In PCA they overlap.

X, y = load_digits(return_X_y=True)
X = X / 16
X_map, y_map = X[:1000], y[:1000]
models = {
    "PCA": PCA(n_components=2).fit(X_map),
    "t-SNE": TSNE(n_components=2, random_state=0).fit(X_map),
    "autoencoder": AutoencoderTransformer(n_components=2, random_state=0).fit(X_map),
}
codes = {
    "PCA": models["PCA"].transform(X_map),
    "t-SNE": models["t-SNE"].embedding_,
    "autoencoder": models["autoencoder"].transform(X_map),
}
figure, axes = plt.subplots(ncols=3, figsize=(14, 4.6), layout="constrained")
for ax, (name, Z) in zip(axes, codes.items(), strict=True):
    LatentSpaceDisplay(X_latent=Z, y=y_map).plot(ax, level=None, legend=ax is axes[-1])
    ax.set_title(name)

# %%
# All the numbers
# ---------------
# ``compare`` takes fitted estimators, or codes. Numbers compare at equal numbers of codes only,
# so all maps are of the same rows. The share of draws in gaps depends on what law the points are
# drawn from, which is therefore named in every line: the box of the codes, a normal law, lines
# between codes. None of the three was made to follow N(0, I); with ``prior="standard_normal"`` all
# are held against it nonetheless. Lines that take a decoder stay empty for t-SNE.

comparison = LatentDiagnostics.compare(
    models,
    X_map,
    y_map,
    sampler="box",
    prior="standard_normal",
    n_draws=3000,
    n_resamples=10,
    random_state=0,
)
print(comparison)

# %%
# The faults of a latent space as a figure. The classes of draws (bottom left) are read in decoded
# pictures where there is a decoder, and for t-SNE among the nearest codes, so that its bars there
# do not compare with the others. No gaps under N(0, I) are no merit of t-SNE: its map is so wide
# that all draws land on one island.

figure = comparison.plot().figure_

# %%
# What is kept of the digits
# --------------------------
# Neighbours of rows and of codes, and how often the five nearest codes name the right digit.

print(f"{'':14}trustworthiness   continuity   accuracy of neighbours")
for name, report in comparison.diagnostics.items():
    neighbors = report.neighbors_
    accuracy = cross_val_score(KNeighborsClassifier(), codes[name], y_map, cv=5).mean()
    print(
        f"{name:14}{neighbors.trustworthiness:15.3f}{neighbors.neighborhood_continuity:13.3f}"
        f"{accuracy:25.3f}"
    )

# %%
# New rows
# --------
# t-SNE places the rows that it is given, and no others: it has neither ``transform`` nor
# ``inverse_transform``. The other two give codes to the digits left over, and pictures to codes.

X_new, y_new = X[1000:], y[1000:]
for name, model in models.items():
    if not hasattr(model, "transform"):
        print(f"{name:14}has no transform and no inverse_transform")
        continue
    Z_new = model.transform(X_new)
    accuracy = KNeighborsClassifier().fit(codes[name], y_map).score(Z_new, y_new)
    errors = X_new - model.inverse_transform(Z_new)
    explained = 1 - np.square(errors).sum() / np.square(X_new - X_map.mean(axis=0)).sum()
    print(f"{name:14}accuracy of neighbours {accuracy:.3f}   explained variance {explained:.3f}")

# %%
# Which one?
# ----------
# t-SNE keeps neighbours best and gives the digits nearly equal areas, and its islands are what
# leaves most of the plane in gaps. It is a picture of these rows and no more. PCA has the fewest
# gaps between codes and decodings that change evenly, but mixes the digits, and what draws from
# its box decode to covers few of the real ones. The autoencoder comes close to t-SNE in what is
# kept, also for new rows, and explains about twice the variance that PCA does; its areas are the
# most unequal of the three, and a step in its latent space may change much or little.

plt.show()
