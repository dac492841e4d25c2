"""Vectors: where each document lies among the others by its content, and how to find those near a query.

``sketch`` (map) → ``fit`` (reduce) → ``VectorModel.embed`` (map) → ``build_index`` (reduce).
"""

from eopiez_ray.phases.vectors.hybrid import Provider, Sketch, VectorModel, fit, sketch
from eopiez_ray.phases.vectors.index import Hit, VectorIndex, build_index
from eopiez_ray.phases.vectors.neighbours import Neighbours, nearest_neighbours
from eopiez_ray.phases.vectors.static import StaticEmbedder, load_embedder
from eopiez_ray.phases.vectors.tables import gather_vectors, vectors_of, vectors_table
from eopiez_ray.phases.vectors.terms import TermCounts, Vocabulary

__all__ = [
    "Hit",
    "Neighbours",
    "Provider",
    "Sketch",
    "StaticEmbedder",
    "TermCounts",
    "VectorIndex",
    "VectorModel",
    "Vocabulary",
    "build_index",
    "fit",
    "gather_vectors",
    "load_embedder",
    "nearest_neighbours",
    "sketch",
    "vectors_of",
    "vectors_table",
]
