"""
Generate equal numbers of every class
=====================================

Novel digits are easy to draw, but which digits? A law fitted on all codes leaves that to
chance, and N(0, I) to the shape of the latent space. With
``latent_sampler='class_conditional'`` every class has a law of its own, and
``sample(n, y=labels)`` draws the classes asked for. A classifier that never saw a generated digit
says whether they are what was asked for.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae.metrics import sample_quality
from skae.sampling import GaussianMixtureDensity

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# A reader
# --------
# The classifier is trained on real rows, and is right on nearly all rows held out. On
# generated rows it is a reader, not the truth: it has to name a digit, even for a blot.

reader = SVC(C=10).fit(X_train, y_train)
print(f"held-out accuracy of the reader: {reader.score(X_test, y_test):.3f}")

# %%
# Ask for 100 of each digit
# -------------------------
# The labels go to ``fit`` beside the rows. They are for the law of the draws only: the networks
# are trained without them. Draws of 2 and of 16 components are held against rows that no
# model has seen: precision is the share of draws that look like one of these, recall the share of
# these that look like a draw.

asked = np.repeat(np.arange(10), 100)
models = {}
for n_components in (2, 16):
    model = AutoencoderTransformer(n_components, latent_sampler="class_conditional", random_state=0)
    models[n_components] = model.fit(X_train, y_train)


def describe(name, rows, labels):
    """Print what the reader agrees with, and how like real rows the rows are."""
    agreed = np.mean(reader.predict(rows) == labels)
    quality = sample_quality(X_test, rows, n_resamples=0, random_state=0)
    print(f"{name:31} {agreed:6.3f} {quality['precision']:10.2f} {quality['recall']:7.2f}")


print(f"{'':31} {'agreed':>6} {'precision':>10} {'recall':>7}")
for n_components, model in models.items():
    for supported_only in (False, True):
        rows = model.sample(len(asked), y=asked, supported_only=supported_only, random_state=0)
        name = f"{n_components} components" + ", supported only" * supported_only
        describe(name, rows, asked)
describe("real rows trained on", X_train, y_train)

# %%
# With 2 components the classes overlap in the latent space: some nine draws in a hundred are read
# as another digit. Recall is next to nothing, since all draws lie on a sheet of two dimensions.
# With 16 nearly all are read as asked for. ``supported_only=True`` draws again what falls into
# gaps between the codes: precision rises to that of real rows, and recall, if anything, falls.

model = models[16]
novel = model.sample(len(asked), y=asked, supported_only=True, random_state=0)

# %%
# They are no copies: draws are about as far from the nearest row trained on as held-out
# rows are.

trained = NearestNeighbors(n_neighbors=1).fit(X_train)
for name, rows in {"draws": novel, "held-out rows": X_test}.items():
    distances, _ = trained.kneighbors(rows)
    print(f"median distance to the nearest row trained on, {name}: {np.median(distances):.2f}")

# %%
# The first twelve of every class beside real ones. A red frame marks what the reader takes for
# another digit.


def show(ax, rows, labels, title):
    """A row of twelve images for every digit."""
    first = np.concatenate([np.flatnonzero(labels == digit)[:12] for digit in range(10)])
    images = np.pad(rows[first].reshape(10, 12, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
    mosaic = images.swapaxes(1, 2).reshape(100, 120)
    ax.imshow(mosaic, cmap="gray_r", vmin=0, vmax=1, extent=(0, 12, 10, 0))
    for cell in np.flatnonzero(reader.predict(rows[first]) != labels[first]):
        corner = cell % 12 + 0.04, cell // 12 + 0.04
        ax.add_patch(plt.Rectangle(corner, 0.92, 0.92, fill=False, color="#b22222", lw=2))
    ax.set(title=title, xticks=[], yticks=np.arange(10) + 0.5, yticklabels=range(10))


figure, (left, right) = plt.subplots(ncols=2, figsize=(12, 5.4), layout="constrained")
show(left, novel, asked, "generated, 16 components, supported only")
show(right, X_test, y_test, "real, held out")
left.set_ylabel("digit asked for")
right.set_ylabel("digit by its label")

# %%
# How many of each without asking
# -------------------------------
# The same number of draws from three laws: N(0, I), the default of the variational model; a
# mixture fitted on all codes, the default of the plain one; and the classes asked for. The grey
# band is where 95 % of the counts would lie if every draw were of a random class.

variational = VariationalAutoencoderTransformer(n_components=16, random_state=0).fit(X_train)
mixture = GaussianMixtureDensity(random_state=0).fit(model.transform(X_train))
draws = {
    "variational model, N(0, I)": variational.sample(len(asked), random_state=0),
    "plain model, mixture": model.inverse_transform(mixture.sample(len(asked), random_state=0)),
    "plain model, asked for 100 each": novel,
}

figure, ax = plt.subplots(figsize=(11, 4.5), layout="constrained")
margin = 1.96 * np.sqrt(len(asked) * 0.1 * 0.9)
ax.axhspan(100 - margin, 100 + margin, color="0.85", label="95 % of counts by chance")
styles = [("#bb7711", "//"), ("#0033bb", ""), ("#22ddbb", "..")]
for i, ((name, rows), (color, hatch)) in enumerate(zip(draws.items(), styles, strict=True)):
    counts = np.bincount(reader.predict(rows), minlength=10)
    style = {"color": color, "hatch": hatch, "edgecolor": "white", "label": name}
    ax.bar(np.arange(10) + 0.27 * (i - 1), counts, width=0.25, **style)
    print(f"{name:31} from {counts.min()} to {counts.max()} of a digit")
ax.axhline(100, color="black", lw=1, label="equal share")
ax.set(xlabel="digit read", ylabel=f"number of {len(asked)} draws", xticks=range(10))
ax.legend(loc="upper left", ncols=2)

# %%
# N(0, I) gives some digits several times as often as others. The mixture comes near equal
# shares, because the rows trained on hold all digits equally often and it follows them. It
# would follow unequal rows too. Draws asked for by class are as many as one asks for; the few
# that are read as another digit make the difference from 100.
plt.show()
