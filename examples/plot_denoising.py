"""
Denoising
=========

Noise is added to images of digits, and models that have seen only clean images take it out
again: they encode the noisy image, and decode. An autoencoder trained to copy clean images was
never asked to do this. With ``noise`` it is: noise is added to its input in training, and
the clean image is what it has to give. A little is added by default, for the sake of new rows; the
plain models here have none. Beside them stand
:class:`~sklearn.decomposition.PCA` and the best linear map from noisy to clean.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X / 16, random_state=0)
errors = np.random.default_rng(0).standard_normal(X_test.shape)  # the noise, to be scaled

# %%
# What ``noise`` is measured in
# -----------------------------
# ``noise=1`` is the root mean square of the standard deviations of the features. So noise
# of standard deviation 0.3, where black is 1, has to be divided by that.

noise_std = 0.3
unit = np.sqrt(X_train.var(axis=0).mean())
print(f"unit {unit:.2f}, so that noise of {noise_std} is noise={noise_std / unit:.2f}")

# %%
# Three autoencoders and two linear models
# ----------------------------------------
# All are fitted on the same clean rows. The plain autoencoder comes with as many components as
# the denoising one, and with few, since a narrow code leaves less room for noise. Ridge
# regression of the rows on themselves, with the noise variance times the number of rows as its
# penalty, is the linear map from noisy to clean of least squared error: it knows the noise as the
# denoising autoencoder does.

options = {"random_state": 0}
denoising = AutoencoderTransformer(16, noise=noise_std / unit, **options).fit(X_train)
plain = AutoencoderTransformer(16, noise=0.0, **options).fit(X_train)
narrow = AutoencoderTransformer(4, noise=0.0, **options).fit(X_train)
ridge = Ridge(alpha=len(X_train) * noise_std**2).fit(X_train, X_train)
pcas = [PCA(n).fit(X_train) for n in (2, 4, 6, 8, 12, 16, 24, 32, 48, 64)]


def there_and_back(model, rows):
    """Encode and decode."""
    return model.inverse_transform(model.transform(rows))


def best_pca(noisy):
    """What the PCA of least held-out error makes of it, and its number of components."""
    images = [there_and_back(pca, noisy) for pca in pcas]
    best = np.argmin([np.square(image - X_test).mean() for image in images])
    return images[best], pcas[best].n_components


# %%
# From noisy to clean
# -------------------
# The mean squared error is to the clean images, which are held out. The number of components of
# PCA is the best in hindsight, on these very images: more than fair to PCA.

noisy = X_test + noise_std * errors
pca_images, n_components = best_pca(noisy)
images = {
    "clean": X_test,
    "noisy": noisy,
    f"PCA, {n_components} components": pca_images,
    "linear map": ridge.predict(noisy),
    "plain, 16 components": there_and_back(plain, noisy),
    "plain, 4 components": there_and_back(narrow, noisy),
    "denoising, 16 components": there_and_back(denoising, noisy),
}
figure, axes = plt.subplots(nrows=len(images), figsize=(8.5, 6), layout="constrained")
for ax, (name, rows) in zip(axes, images.items(), strict=True):
    error = np.square(rows - X_test).mean()
    print(f"{name:24} mean squared error {error:.4f}")
    mosaic = np.pad(rows[:10].reshape(10, 8, 8), [(0, 0), (0, 0), (1, 1)]).swapaxes(0, 1)
    ax.imshow(mosaic.reshape(8, 100), cmap="gray_r", vmin=0, vmax=1)
    ax.set_ylabel(f"{name}\n{error:.4f}", rotation=0, ha="right", va="center")
    ax.set(xticks=[], yticks=[])
figure.suptitle("Held-out digits, white is 0 and black is 1; mean squared errors")

# %%
# The denoising autoencoder has the smallest error. The plain one of 16 components leaves more
# than half of the noise: its codes follow it, and strokes come out that were never there. With 4
# components it does a little better, but some digits turn into others. The linear map does
# better than both, and than PCA, though it blurs.
#
# Other amounts of noise
# ----------------------
# The same models on images with less and with more noise than they were made for. For PCA the
# best number of components is chosen anew at each level.

levels = np.array([0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
curves = {
    "noisy": lambda rows: rows,
    "PCA, best number of components": lambda rows: best_pca(rows)[0],
    f"linear map, made for {noise_std}": ridge.predict,
    "plain, 16 components": lambda rows: there_and_back(plain, rows),
    "plain, 4 components": lambda rows: there_and_back(narrow, rows),
    f"denoising, 16 components, made for {noise_std}": lambda rows: there_and_back(denoising, rows),
}
styles = [":", "o-", "s-", "^--", "v--", "D-"]
colors = ["black", "#bb7711", "#228888", "#cc77ff", "#880000", "#0033bb"]
figure, ax = plt.subplots(figsize=(10, 5), layout="constrained")
for (name, denoise), fmt, color in zip(curves.items(), styles, colors, strict=True):
    curve = [np.square(denoise(X_test + level * errors) - X_test).mean() for level in levels]
    ax.plot(levels, curve, fmt, color=color, label=name)
    print(f"{name:42}" + "".join(f"{error:8.4f}" for error in curve))
ax.axvline(noise_std, color="0.8", lw=6, zorder=0)
ax.set(xlabel="standard deviation of the noise (black is 1)", ylim=(0, 0.08))
ax.set_ylabel("mean squared error to the clean image, held out")
ax.legend()

# %%
# From some noise upwards the denoising autoencoder has the smallest error at every level, also
# above the one that it was made for. It has its price where there is little noise to
# take out: its code of 16 numbers cannot hold all of an image, and images are better left
# as they are. PCA keeps most of its components there, and changes little.

# Left as they are, images have the variance of the noise as their error.
better = levels[np.array(curve) < np.square(levels)]
print(f"denoising is better than leaving images as they are from noise of {better.min()} upwards")
plt.show()
