"""Other ways to find topics, as their users' guides have them; all but HDBSCAN are told the true number.

=================  ==================================================================================================
k-means            TF-IDF, 100 latent dimensions (truncated SVD), length 1, best of 3 starts
k-means, vectors   the same on the vectors that our themes are found in
NMF                TF-IDF, each text to its strongest component
LDA                word counts, each text to its likeliest topic
HDBSCAN            the vectors that our themes are found in, 5 dimensions by UMAP (cosine, 15 neighbours), at least 10
                   texts a cluster; texts outside of all clusters count as one more
=================  ==================================================================================================
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, LatentDirichletAllocation, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

Labels = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
TERMS = 20_000
LATENT = 100


def partitions(texts: list[str], vectors: Vectors, k: int) -> dict[str, Labels]:
    """The division of the texts by each rival that is installed; the true number of topics is ``k``."""
    counts = _counts(texts)
    weights = _tf_idf(counts)
    rivals: dict[str, Callable[[], Labels]] = {
        "k-means": lambda: _k_means(_latent(weights), k),
        "k-means, vectors": lambda: _k_means(vectors, k),
        "NMF": lambda: _nmf(weights, k),
        "LDA": lambda: _lda(counts, k),
    }
    if importlib.util.find_spec("hdbscan") and importlib.util.find_spec("umap"):
        rivals["HDBSCAN"] = lambda: _hdbscan(vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return {name: divide() for name, divide in rivals.items()}


def _counts(texts: list[str]) -> sparse.csr_matrix:
    least = 2 if len(texts) < 10_000 else 5
    words = CountVectorizer(stop_words="english", min_df=least, max_df=0.5, max_features=TERMS)
    return sparse.csr_matrix(words.fit_transform(texts), dtype=np.float64)


def _tf_idf(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    rarity = np.log((1 + counts.shape[0]) / (1 + np.bincount(counts.indices, minlength=counts.shape[1]))) + 1
    return sparse.csr_matrix(normalize(counts @ sparse.diags(rarity)))


def _latent(weights: sparse.csr_matrix) -> Vectors:
    dimensions = min(LATENT, min(weights.shape) - 1)
    return np.asarray(normalize(TruncatedSVD(dimensions, random_state=0).fit_transform(weights)))


def _k_means(vectors: Vectors, k: int) -> Labels:
    return np.asarray(KMeans(k, n_init=3, random_state=0).fit_predict(vectors))


def _nmf(weights: sparse.csr_matrix, k: int) -> Labels:
    components = NMF(k, init="nndsvd", max_iter=200, random_state=0).fit_transform(weights)
    return np.asarray(components.argmax(axis=1))


def _lda(counts: sparse.csr_matrix, k: int) -> Labels:
    model = LatentDirichletAllocation(k, max_iter=5, learning_method="online", batch_size=256, random_state=0)
    return np.asarray(model.fit_transform(counts).argmax(axis=1))


def _hdbscan(vectors: Vectors) -> Labels:
    import hdbscan
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=42)
        places = flat.fit_transform(vectors)
        return np.asarray(hdbscan.HDBSCAN(min_cluster_size=10).fit_predict(places))
