"""Nearest neighbours among codes: trees in few dimensions, matrix products in many."""

import numpy as np
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

__all__ = ["NeighborSearch", "reference_cap"]

# Dimensions up to which trees are faster.
MAX_TREE_DIM = 6


def reference_cap(n_components):
    """Codes to search among, at most."""
    if n_components <= 3:
        return 200_000
    return 50_000 if n_components <= MAX_TREE_DIM else 20_000


class NeighborSearch:
    """Nearest codes of points, or of the codes themselves.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
    """

    def __init__(self, codes):
        # Products of far-off numbers would lose the distances to rounding.
        self.center = codes.mean(axis=0)
        codes = codes - self.center
        self.codes = codes
        if codes.shape[1] <= MAX_TREE_DIM:
            self.tree = cKDTree(codes)
        else:
            self.tree = None
            self.brute = NearestNeighbors(algorithm="brute").fit(codes)

    def points(self, points, k):
        """Distances and indices, both of shape (n_points, k), of the codes nearest to points."""
        return self._query(points - self.center, k)

    def _query(self, points, k):
        """The same, of centred points."""
        if self.tree is None:
            return self._exact(points, self.brute.kneighbors(points, k, return_distance=False))
        return self.tree.query(points, np.arange(1, k + 1))

    def _exact(self, points, indices):
        """Distances without the rounding of matrix products, and the indices in their order."""
        distances = np.empty(indices.shape)
        for j, column in enumerate(indices.T):
            distances[:, j] = np.linalg.norm(points - self.codes[column], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1)

    def own(self, k, rows=slice(None)):
        """Distances and indices of the k codes nearest to codes, themselves left out.

        ``rows`` says of which codes; both arrays have shape (n_rows, k).
        """
        own = np.arange(len(self.codes))[rows]
        distances, indices = self._query(self.codes[rows], k + 1)
        others = indices != own[:, None]
        # A code with k duplicates may not be found itself: then the last one goes.
        others[others.all(axis=1), -1] = False
        shape = (len(own), k)
        return distances[others].reshape(shape), indices[others].reshape(shape)
