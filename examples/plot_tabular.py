"""
Sparse and tabular data
=======================

Tables have columns of several kinds, and encoded they are often sparse. A
:class:`~sklearn.compose.ColumnTransformer` turns a DataFrame into a sparse matrix, and
:class:`~skae.AutoencoderTransformer` takes it as it is. A second, larger sparse matrix holds only
zeros and ones. Both are held against the linear reductions, on rows held out.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skae import AutoencoderTransformer
from skae.inspection import LatentSpaceDisplay


def explained_variance(model, X_train, X_test):
    """1 - SSE / SST on held-out rows, SST about the training mean."""
    X_test, mean = X_test.toarray(), np.asarray(X_train.mean(axis=0))
    errors = X_test - model.inverse_transform(model.transform(X_test))
    return 1 - np.square(errors).sum() / np.square(X_test - mean).sum()


# %%
# A mixed table
# -------------
# The wines, with alcohol in words instead of numbers. Numbers are standardized, words become
# columns of zeros and ones; ``sparse_threshold=1`` keeps the whole a sparse matrix.

wine = load_wine(as_frame=True)
table, cultivar = wine.data, wine.target
table["alcohol"] = pd.qcut(table["alcohol"], 3, labels=["low", "medium", "high"]).astype(object)
numbers = list(table.columns.drop("alcohol"))
encoding = ColumnTransformer(
    [("number", StandardScaler(), numbers), ("word", OneHotEncoder(), ["alcohol"])],
    sparse_threshold=1.0,
)
train, test, _, cultivar_test = train_test_split(table, cultivar, random_state=0)
X_train, X_test = encoding.fit_transform(train), encoding.transform(test)

autoencoder = AutoencoderTransformer(n_components=2, random_state=0).fit(X_train)
pca = PCA(n_components=2, random_state=0).fit(X_train)
print(f"{type(X_train).__name__} of shape {X_train.shape}; held-out explained variance")
for model in (pca, autoencoder):
    explained = explained_variance(model, X_train, X_test)
    print(f"  {type(model).__name__:24}{explained:.3f}")

# %%
# Codes as a DataFrame
# --------------------
# ``set_output`` names the columns. The lead over PCA is that of a small table, with 133 rows
# to train on. The three cultivars, which neither model was told of, are nearly
# separate in both planes.

codes = autoencoder.set_output(transform="pandas").transform(X_test)
print(codes.head(3))

figure, axes = plt.subplots(ncols=2, figsize=(11, 4.5), layout="constrained")
for ax, model in zip(axes, (pca, autoencoder), strict=True):
    display = LatentSpaceDisplay(X_latent=model.transform(X_test), y=cultivar_test)
    display.plot(ax, level=None, legend=ax is axes[1])
    ax.set_title(f"{type(model).__name__}: {len(test)} wines held out, by cultivar")

# %%
# Back to columns
# ---------------
# ``inverse_transform`` gives encoded columns. Scaler and encoder undo the rest; of the columns
# of zeros and ones the largest is the word.

decoded = autoencoder.inverse_transform(codes)
scaler, words = encoding.named_transformers_["number"], encoding.named_transformers_["word"]
restored = pd.DataFrame(scaler.inverse_transform(decoded[:, :-3]), columns=numbers)
restored.insert(0, "alcohol", words.categories_[0][decoded[:, -3:].argmax(axis=1)])
few = ["alcohol", "flavanoids", "proline", "hue"]
print("held out:", test[few].head(4).round(2), sep="\n")
print("restored from two numbers:", restored[few].head(4).round(2), sep="\n")
right = np.mean(restored["alcohol"].to_numpy() == test["alcohol"].to_numpy())
usual = np.mean(test["alcohol"] == train["alcohol"].mode()[0])
print(f"alcohol restored: {right:.0%}; by the most frequent word: {usual:.0%}")

# %%
# Zeros and ones
# --------------
# Of each handwritten digit only which pixels hold ink, in a sparse matrix. Rows are made dense
# batch by batch, and once a sample of at most 10 000 for the start at PCA, a large matrix never
# as a whole. But zeros save no time, and the first layer has weights for every column.
# ``likelihood="bernoulli"`` makes decodings probabilities of a one. It gains in log loss, and
# explains as much of the variance, which squared errors are made for. The other three know no
# bounds: some of their decodings are no probabilities at all, most often those of the autoencoder
# with ``"gaussian"``, and are clipped for the log loss.

digits = load_digits()
X_train, X_test = train_test_split(csr_matrix(digits.data > 8, dtype=float), random_state=0)
print(f"{X_train.nnz / np.prod(X_train.shape):.0%} ones")
models = {
    "truncated SVD": TruncatedSVD(n_components=2, random_state=0),
    "PCA": PCA(n_components=2, random_state=0),
    "gaussian": AutoencoderTransformer(n_components=2, random_state=0),
    "bernoulli": AutoencoderTransformer(n_components=2, likelihood="bernoulli", random_state=0),
}
print(f"{'':16}explained variance   log loss   outside [0, 1]")
decodings = {"held out": X_test.toarray()}
for name, model in models.items():
    decoded = model.fit(X_train).inverse_transform(model.transform(X_test))
    decodings[name] = decoded
    explained = explained_variance(model, X_train, X_test)
    loss = log_loss(X_test.toarray().ravel(), np.clip(decoded, 0.001, 0.999).ravel())
    outside = np.mean((decoded < 0) | (decoded > 1))
    print(f"{name:16}{explained:18.3f}{loss:11.3f}{outside:17.0%}")

figure, axes = plt.subplots(5, 10, figsize=(10, 5.6), layout="constrained")
for row, (name, images) in zip(axes, decodings.items(), strict=True):
    for ax, image in zip(row, images, strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle("Ten digits held out, from two numbers each: white 0, black 1")
plt.show()
