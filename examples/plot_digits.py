"""
Digits in two numbers
=====================

An autoencoder squeezes 8 × 8 images of handwritten digits through two numbers and back.
Its held-out explained variance stands beside that of PCA with as many components; the
figure shows the codes of the held-out digits, and what a grid of latent points decodes to.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import AutoencoderTransformer

# %%
# Train both on three quarters of the digits
# ------------------------------------------
# Only the last step of the pipeline differs.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def explained_variance(pipe):
    """1 - SSE / SST on held-out rows, SST about the training mean."""
    errors = X_test - pipe.inverse_transform(pipe.transform(X_test))
    return 1 - np.square(errors).sum() / np.square(X_test - X_train.mean(axis=0)).sum()


pca = Pipeline([("scale", MinMaxScaler()), ("pca", PCA(n_components=2))])
pipe = Pipeline(
    [("scale", MinMaxScaler()), ("ae", AutoencoderTransformer(n_components=2, random_state=0))]
)
pca.fit(X_train)
start = time.perf_counter()
pipe.fit(X_train)
seconds = time.perf_counter() - start

print(f"held-out explained variance, 2 components, {len(X_test)} of {len(X)} digits held out")
print(f"  PCA                     {explained_variance(pca):.3f}")
print(f"  AutoencoderTransformer  {explained_variance(pipe):.3f}   (fit in {seconds:.1f} s)")

# %%
# Look at the latent space
# ------------------------
# Any point of the plane decodes to an image, not only the codes of digits. The grid covers
# nine tenths of the codes along each axis.

Z = pipe.transform(X_test)
n_side = 12
low, high = np.quantile(Z, [0.05, 0.95], axis=0)
columns = np.linspace(low[0], high[0], n_side)
rows = np.linspace(high[1], low[1], n_side)  # the topmost row first
grid = np.array([[column, row] for row in rows for column in columns])
images = pipe.inverse_transform(grid).reshape(n_side, n_side, 8, 8)
framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])  # a blank line between images
mosaic = framed.transpose(0, 2, 1, 3).reshape(10 * n_side, 10 * n_side)

fig, (left, right) = plt.subplots(ncols=2, figsize=(12, 5.6), layout="constrained")
# Colour and marker together tell ten classes apart without colour vision.
markers = "os^vDPX<>p"
for digit, marker in enumerate(markers):
    of_digit = y_test == digit
    color = plt.get_cmap("tab10")(digit)
    left.scatter(*Z[of_digit].T, s=28, color=color, marker=marker, lw=0, alpha=0.8, label=digit)
frame = plt.Rectangle(low, *(high - low), fill=False, ls="--", color="0.3", label="grid")
left.add_patch(frame)
left.set(title="Codes of held-out digits", xlabel="component 0", ylabel="component 1")
left.legend(title="digit", loc="center left", bbox_to_anchor=(1, 0.5))

half = (high - low) / (n_side - 1) / 2  # images are centred on their points
extent = np.stack([low - half, high + half], axis=1).ravel()
right.imshow(mosaic, cmap="gray_r", vmin=0, vmax=16, extent=extent, aspect="auto")
right.set(title="What a grid of latent points decodes to", xlabel="component 0")
right.set_ylabel("component 1")

figure_path = "digits_latent_space.png"
fig.savefig(figure_path, dpi=150)
print(f"figure: {figure_path}")
