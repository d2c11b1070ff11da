"""
The three faults of an autoencoder's latent space
=================================================

A plain autoencoder squeezes images of handwritten digits into two numbers and gets them
back well. To *generate* digits one would draw two numbers at random and decode them, and
there its latent space has three faults. Five figures show them, and
:class:`~skae.LatentDiagnostics` puts numbers to them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from skae import AutoencoderTransformer, LatentDiagnostics
from skae.inspection import DecodedGridDisplay, LatentSpaceDisplay, SamplesDisplay
from skae.metrics import latent_continuity

X, y = load_digits(return_X_y=True)
X = X / 16
autoencoder = AutoencoderTransformer(n_components=2, random_state=0).fit(X)
Z = autoencoder.transform(X)

# %%
# Generated digits
# ----------------
# Where should the two numbers come from? Nothing says, so they are drawn uniformly from the
# rectangle that the codes fill. Some of the pictures are digits, many are in between, and
# a few digits come again and again.

low, high = Z.min(axis=0), Z.max(axis=0)
points = np.random.default_rng(0).uniform(low, high, size=(40, 2))
generated = autoencoder.inverse_transform(points)
samples = SamplesDisplay(
    X_sampled=generated, image_shape=(8, 8), sampler="the box of the codes", limits=(0, 1)
).plot()

# %%
# The latent space by digit
# -------------------------
# Most codes lie outside the dashed circle, which holds 99 % of N(0, I), and nothing
# bounds them. Some digits take much more room than others. And between the arms there is
# nothing. (Training starts at the solution of PCA, so these codes at least surround the
# origin.)

codes = LatentSpaceDisplay(X_latent=Z, y=y).plot()

# %%
# Latent points and their decodings
# ---------------------------------
# Numbered points on the codes, and the picture that each of them decodes to. Points among
# the codes of one digit give that digit; what points far from all codes give is a matter
# of chance.

overlay = DecodedGridDisplay.from_estimator(
    autoencoder, X, y, kind="overlay", n_points=5, image_shape=(8, 8)
)

# %%
# The diagnosis
# -------------
# Codes, support, areas and draws at one glance, with the box declared as the law of the draws.

report = LatentDiagnostics.from_estimator(autoencoder, X, y, sampler="box", random_state=0)
figure = report.plot().figure_
print(report)

# %%
# What it says, fault by fault:

extent, areas, gaps = report.extent_, report.class_areas_, report.gaps_["box"]
classes = report.sampled_classes_["box"]
print(
    f"1. Unbounded: the codes reach {extent.reach:.1f} times as far as N(0, I) does, from "
    f"{extent.min.min():.0f} to {extent.max.max():.0f}; {extent.outside_fraction:.0%} lie where it "
    f"draws 1 % of its points. They are off-centre by {extent.off_centre:.2f} of at most 1."
)
print(
    f"2. Unequal areas: {areas.largest} takes {areas.ratio:.1f} times the area of "
    f"{areas.smallest}; of random points {classes.territory.max():.0%} fall to "
    f"{classes.classes[classes.territory.argmax()]} and {classes.territory.min():.1%} to "
    f"{classes.classes[classes.territory.argmin()]}."
)
print(
    f"3. Gaps: {gaps.value:.0%} of random points fall where no code is; holes narrower than "
    f"{gaps.resolution:.1f} could not even be seen with {gaps.n_samples} codes."
)

# %%
# Neighbours that decode differently
# ----------------------------------
# Even inside, the latent space need not be even. Of 2000 small steps from codes, each 1 % of
# the distance between two random codes, this is the one that changes the picture most among
# those that change the digit. A few more such steps to both sides make it plain to see.

steps = latent_continuity(autoencoder.inverse_transform, Z, n_resamples=0, random_state=0)
classifier = KNeighborsClassifier().fit(X, y)
digits = [
    classifier.predict(autoencoder.inverse_transform(points))
    for points in (steps.points, steps.neighbors)
]
worst = np.argmax(np.where(digits[0] != digits[1], steps.rates, 0))
print(
    f"{steps.jump_fraction:.0%} of the steps move the picture by more than 5 % of its spread; "
    f"this one moves it by {steps.rates[worst] * steps.step:.0%}, and the digit read in "
    f"it changes from {digits[0][worst]} to {digits[1][worst]}."
)

n_steps = np.array([-7, -3, 0, 1, 4, 8])
step = steps.neighbors[worst] - steps.points[worst]
path = steps.points[worst] + n_steps[:, np.newaxis] * step
pictures = autoencoder.inverse_transform(path)
figure, axes = plt.subplots(ncols=len(path), figsize=(11, 2.5), layout="constrained")
for ax, (a, b), picture, n in zip(axes, path, pictures, n_steps, strict=True):
    (digit,) = classifier.predict(picture[np.newaxis])
    ax.imshow(picture.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(title=f"step {n}: read as {digit}", xlabel=f"({a:.2f}, {b:.2f})", xticks=[], yticks=[])
plt.show()
