"""
Choosing the number of components in a pipeline
===============================================

:class:`~skae.AutoencoderTransformer` goes where :class:`~sklearn.decomposition.PCA` stood: into a
step of a :class:`~sklearn.pipeline.Pipeline`, with the same parameter ``n_components``, so that
:class:`~sklearn.model_selection.GridSearchCV` can choose the size, and even the step itself. Two
searches do so on handwritten digits: one for a classifier, one without labels.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, ShuffleSplit, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=900, stratify=y, random_state=0
)

# %%
# A step to be chosen
# -------------------
# The step ``reduce`` is a parameter of the pipeline, and so is what it is made of:
# ``reduce__n_components`` means the same for both candidates. ``"passthrough"`` leaves the step
# out. Training for 40 epochs instead of at most 150, with a larger ``tol``, makes the search
# quick, and its autoencoders a little worse than the defaults.

pca = PCA(random_state=0)
autoencoder = AutoencoderTransformer(max_iter=40, tol=0.02, random_state=0)
sizes = [2, 4, 8, 16]
pipe = Pipeline([("scale", MinMaxScaler()), ("reduce", pca), ("classify", KNeighborsClassifier())])
candidates = [
    {"reduce": [pca, autoencoder], "reduce__n_components": sizes},
    {"reduce": ["passthrough"]},
]
search = GridSearchCV(pipe, candidates, cv=3).fit(X_train, y_train)

results = search.cv_results_
mean, std = results["mean_test_score"], results["std_test_score"]
steps = np.array([type(step).__name__ for step in results["param_reduce"]])
columns = {name: steps == name for name in ("PCA", "AutoencoderTransformer")}
print("accuracy, mean of three folds")
print(f"{'components':24}" + "".join(f"{size:>7}" for size in sizes))
for name, of_step in columns.items():
    print(f"{name:24}" + "".join(f"{value:7.3f}" for value in mean[of_step]))
print(f"{'all 64 pixels':24}{mean[-1]:7.3f}")

# %%
# The best of each on rows that no search has seen:

for name, of_step in columns.items():
    best = np.flatnonzero(of_step)[mean[of_step].argmax()]
    pipe.set_params(**results["params"][best]).fit(X_train, y_train)
    n_components = pipe["reduce"].n_components
    print(f"{name}, {n_components} components: test accuracy {pipe.score(X_test, y_test):.3f}")
pipe.set_params(reduce="passthrough").fit(X_train, y_train)
print(f"all 64 pixels: test accuracy {pipe.score(X_test, y_test):.3f}")

# %%
# Without labels
# --------------
# A pipeline that ends in the reduction is searched without y. Its own ``score`` is that of the
# last step, a log-likelihood, which means one thing for PCA and another for an autoencoder (for
# this one, of a row given its code). What compares the two is the explained variance of rows held
# out, by a function of one's own.


def explained_variance(pipe, X, y=None):
    """1 - SSE / SST, SST about the mean of the rows held out."""
    errors = X - pipe.inverse_transform(pipe.transform(X))
    return 1 - np.square(errors).sum() / np.square(X - X.mean(axis=0)).sum()


unsupervised = GridSearchCV(
    pipe[:-1],
    {"reduce": [pca, autoencoder], "reduce__n_components": sizes},
    scoring=explained_variance,
    cv=ShuffleSplit(n_splits=2, test_size=0.2, random_state=0),
    refit=False,
).fit(X_train)
explained = unsupervised.cv_results_["mean_test_score"].reshape(2, -1)
spread = unsupervised.cv_results_["std_test_score"].reshape(2, -1)

# %%
# What the searches found
# -----------------------
# Bars are standard deviations over the folds. With 2, 4 and 8 components nearest neighbours find
# the digit more often among codes of the autoencoder; with 16 PCA is as good, and on the
# test rows a little better. With 16 both come near all 64 pixels. Reconstructions gain
# at every size, most where there are few components; more epochs would gain more there. So
# the search for a classifier says: where 16 components are welcome, PCA will do here.

figure, (left, right) = plt.subplots(ncols=2, figsize=(11, 4.5), layout="constrained")
styles = {"PCA": "s--", "AutoencoderTransformer": "o-"}
for i, (name, of_step) in enumerate(columns.items()):
    options = {"fmt": styles[name], "capsize": 4, "label": name}
    left.errorbar(sizes, mean[of_step], std[of_step], **options)
    right.errorbar(sizes, explained[i], spread[i], **options)
left.axhline(mean[-1], color="0.3", ls=":", label="all 64 pixels")
left.set(ylabel="accuracy, rows held out", title="Nearest neighbours of the codes")
right.set(ylabel="explained variance, rows held out", title="Reconstruction")
for ax in (left, right):
    ax.set_xscale("log", base=2)
    ax.set_xticks(sizes, sizes)
    ax.set_xlabel("components")
    ax.legend(loc="lower right")
plt.show()
