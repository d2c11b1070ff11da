"""
From one digit to another
=========================

The mean of two images is both of them, faintly. ``interpolate`` goes through the latent space
instead: it encodes both rows, walks from code to code, and decodes. Are the images on the way
digits? Their distance from real ones says so, and depends on the number of components. A longer
walk then visits all ten digits on the latent map.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae.inspection import LatentSpaceDisplay
from skae.sampling import interpolate

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# Three models
# ------------
# Paths lead from held-out rows to held-out rows of other digits. The others of the held-out
# rows are the real digits that images on the way are compared with.

models = {
    "plain, 2 components": AutoencoderTransformer(2, random_state=0),
    "plain, 16 components": AutoencoderTransformer(16, random_state=0),
    "variational, 16 components": VariationalAutoencoderTransformer(16, random_state=0),
}
for model in models.values():
    model.fit(X_train)
is_pair = y_test[:100] != y_test[100:200]
X0, X1, X_real = X_test[:100][is_pair], X_test[100:200][is_pair], X_test[200:]

# %%
# Two paths
# ---------
# In the cross-fade of pixels the first digit pales while the second comes up. On the path
# through two components strokes move, and other digits may lie on the way. Its ends are
# reconstructions too, and two components may take one digit for another. With sixteen the ends
# are right, and the ways between them near cross-fades.

n_steps = 9
t = np.linspace(0, 1, n_steps)
paths = {"cross-fade of pixels": interpolate(X0, X1, n_steps)}
paths |= {name: model.interpolate(X0, X1, n_steps) for name, model in models.items()}

figure, axes = plt.subplots(nrows=len(paths), ncols=2, figsize=(13, 2.8), layout="constrained")
for row, (name, images) in zip(axes, paths.items(), strict=True):
    for ax, pair in zip(row, (0, 1), strict=True):
        framed = np.pad(images[pair].reshape(n_steps, 8, 8), [(0, 0), (0, 0), (1, 1)])
        mosaic = framed.swapaxes(0, 1).reshape(8, 10 * n_steps)
        ax.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")

# %%
# How far from real digits
# ------------------------
# The squared distance of each image to the nearest real digit, the mean over all pairs. Decoded
# images are smooth, which alone brings them nearer, so a second cross-fade is drawn for
# comparison: that of the reconstructions at both ends, which the path through the latent space
# has in common with it.

nearest = NearestNeighbors(n_neighbors=1).fit(X_real)


def distances(images):
    """Mean squared distance to the nearest real digit, step by step."""
    distances, _ = nearest.kneighbors(images.reshape(-1, 64))
    return np.square(distances).reshape(-1, n_steps).mean(axis=0)


figure, axes = plt.subplots(ncols=3, figsize=(13, 4.2), sharey=True, layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    fade = interpolate(paths[name][:, 0], paths[name][:, -1], n_steps)
    curves = {
        "cross-fade of pixels": (paths["cross-fade of pixels"], "o:"),
        "cross-fade of reconstructions": (fade, "s--"),
        "latent path, linear": (paths[name], "D-"),
        "latent path, spherical": (model.interpolate(X0, X1, n_steps, method="spherical"), "^-."),
    }
    colors = ["black", "#bb7711", "#0033bb", "#228888"]
    error = np.square(paths[name][:, [0, -1]] - np.stack([X0, X1], axis=1)).sum(axis=2).mean()
    print(f"{name}: squared error of the ends {error:.2f}, distances half-way")
    for (label, (images, fmt)), color in zip(curves.items(), colors, strict=True):
        curve = distances(images)
        ax.plot(t, curve, fmt, color=color, label=label)
        print(f"    {label:30} {curve[n_steps // 2]:.2f}")
    ax.set(title=name, xlabel="share of the way", ylim=(0, 3.5))
axes[0].set_ylabel("squared distance to the nearest real digit")
axes[0].legend(loc="lower center", fontsize="small")

# %%
# With two components the latent path keeps to images like real ones half-way, where both
# cross-fades are worst. With sixteen the plain model has no such path: it is hardly nearer to
# real digits than the cross-fade of its reconstructions. The variational model, whose
# decoder was trained on draws around each code, gains a little. So good paths are paid for
# with coarse ends: see the squared errors printed. The spherical path is meant for codes about
# N(0, I), which are few near the origin; here it is worse with sixteen components.
#
# A walk past all digits
# ----------------------
# On the map of two components a walk can be planned. Its stops are the median codes of the ten
# digits, visited in order around the centre of the map, and from the last back to the first.
# :func:`~skae.sampling.interpolate` gives the straight legs from stop to stop.

model = models["plain, 2 components"]
Z = model.transform(X_train)
medians = np.array([np.median(Z[y_train == digit], axis=0) for digit in range(10)])
across, up = (medians - np.median(Z, axis=0)).T
tour = np.argsort(np.arctan2(up, across))
stops = medians[tour]
n_points = 8  # of each leg; the next leg begins with its end
legs = interpolate(stops, np.roll(stops, -1, axis=0), n_points + 1)[:, :-1]
images = model.inverse_transform(legs.reshape(-1, 2)).reshape(10, n_points, 8, 8)

figure, (left, right) = plt.subplots(ncols=2, figsize=(13, 6), layout="constrained")
LatentSpaceDisplay(X_latent=Z, y=y_train).plot(left, level=None)
for text in left.texts:
    text.set_visible(False)  # the stops have names of their own
left.plot(*np.vstack([stops, stops[:1]]).T, color="black", lw=2, zorder=4)
for digit, stop in enumerate(medians):
    circle = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": "black"}
    left.text(*stop, digit, ha="center", va="center", size=10, zorder=5, bbox=circle)
left.set_aspect("equal", adjustable="box")
(west, south), (east, north) = np.quantile(Z, [0.01, 0.99], axis=0)
left.set(xlim=(west, east), ylim=(south, north), title="walk on the codes (some lie outside)")

framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
mosaic = framed.swapaxes(1, 2).reshape(100, 10 * n_points)
right.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1, extent=(0, n_points, 10, 0))
names = [f"{start} to {end}" for start, end in zip(tour, np.roll(tour, -1), strict=True)]
right.set(title="decoded, leg by leg", xticks=[], yticks=np.arange(10) + 0.5, yticklabels=names)

# %%
# A leg may cross a third digit, or a stretch where images are between two of them: of
# what lies on the way the map says more than the two ends do.
plt.show()
