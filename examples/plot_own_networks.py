"""
Your own encoder and decoder
============================

:class:`~skae.AutoencoderTransformer` takes networks of your own as ``encoder`` and ``decoder``:
here small convolutional ones for images of 8 × 8 pixels. What is trained is then yours, and all
around it stays: ``fit``, ``clone``, pipelines, ``inverse_transform`` of any point. Whether they
are better than the built-in perceptrons is for rows held out to say.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from torch import nn

from skae import AutoencoderTransformer

X = load_digits().data
X_train, X_test = train_test_split(X, train_size=1000, random_state=0)

# %%
# Two functions
# -------------
# Each is called with the widths of input and output, and returns a module; so ``n_components``
# remains a parameter, and ``random_state`` seeds the initial weights. (Modules are taken, too.) Own
# networks get rows, (n, 64), in the units of X, with no centring or scaling inside: here
# from 0 to 1, since the pipeline scales them, and the decoder ends in a sigmoid for the same
# reason. Rows are unflattened to images, and flattened again.


def encoder(n_features, n_components):
    """From 64 pixels to codes."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 8, kernel_size=3, stride=2, padding=1),  # 8 channels of 4 x 4
        nn.SiLU(),
        nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1),  # 16 channels of 2 x 2
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(64, n_components),
    )


def decoder(n_components, n_features):
    """From codes to 64 pixels between 0 and 1."""
    return nn.Sequential(
        nn.Linear(n_components, 64),
        nn.SiLU(),
        nn.Unflatten(1, (16, 2, 2)),
        nn.ConvTranspose2d(16, 8, kernel_size=4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(8, 1, kernel_size=4, stride=2, padding=1),
        nn.Flatten(),
        nn.Sigmoid(),
    )


# %%
# Beside the built-in networks
# ----------------------------
# All have 8 components. The second of the built-in ones has few weights, too. Networks of one's own
# start from random weights, not at PCA, and like other step sizes: these learn most with 0.02
# among the three that were tried.

convolutional = AutoencoderTransformer(
    8, encoder=encoder, decoder=decoder, learning_rate_init=0.02, random_state=0
)
models = {
    "convolutional": convolutional,
    "built-in": AutoencoderTransformer(8, random_state=0),
    "built-in, few weights": AutoencoderTransformer(8, hidden_layer_sizes=(32,), random_state=0),
}
print(f"{'':24}weights   held-out explained variance   seconds")
for name, model in models.items():
    pipe = make_pipeline(MinMaxScaler(), clone(model))
    start = time.perf_counter()
    pipe.fit(X_train)
    seconds = time.perf_counter() - start
    models[name] = pipe
    errors = X_test - pipe.inverse_transform(pipe.transform(X_test))
    explained = 1 - np.square(errors).sum() / np.square(X_test - X_train.mean(axis=0)).sum()
    n_weights = sum(p.numel() for p in pipe[-1].net_.module_.parameters())
    print(f"{name:24}{n_weights:7}{explained:30.3f}{seconds:10.1f}")

# %%
# Convolutions make good use of their weights: with fewer of them they explain a little more than
# the small perceptrons. But the defaults explain most, and in less time. Images of 8 × 8 pixels
# are small enough for perceptrons; networks of one's own pay where one knows more of the data
# than that, and they need tuning.
#
# Still an ordinary estimator
# ---------------------------
# :func:`~sklearn.base.clone` was used above; the networks go into a pipeline, and decode any point
# of the latent space: here points on the line between the codes of two digits held out.
# Underneath is a skorch net, whose ``history`` holds every epoch.

own = models["convolutional"]
first, last = own.transform(X_test[[0, 1]])
share = np.linspace(0, 1, 8)[:, np.newaxis]
path = own.inverse_transform((1 - share) * first + share * last)
built_in = models["built-in"]
pictures = {
    "held out": X_test[:8],
    "convolutional": own.inverse_transform(own.transform(X_test[:8])),
    "built-in": built_in.inverse_transform(built_in.transform(X_test[:8])),
    "convolutional,\nfirst to second": path,
}
figure, axes = plt.subplots(4, 8, figsize=(9, 4.9), layout="constrained")
for row, (name, images) in zip(axes, pictures.items(), strict=True):
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle("Eight digits held out, decoded; bottom: a path through the latent space")

# %%
# The losses of training. Those of the built-in networks start at PCA's; that of the convolutional
# ones starts above 1, the loss of always giving the mean.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, pipe), style in zip(models.items(), ["-", "--", ":"], strict=True):
    losses = pipe[-1].net_.history[:, "train_loss"]
    ax.plot(np.arange(1, len(losses) + 1), losses, style, label=name)
ax.set(xlabel="epoch", ylabel="loss, share of the variance", yscale="log")
ax.set_yticks([0.1, 0.2, 0.5, 1, 2], [0.1, 0.2, 0.5, 1, 2])
ax.legend()
plt.show()
