"""Vectors of documents in three steps: ``sketch`` (map) → ``fit`` (reduce) → ``VectorModel.embed`` (map).

Three providers share them:

``static``
    weighted means of word vectors from a pretrained table (see ``static``), centred on the collection;
``lsa``
    tf-idf projected on the leading singular directions of a sample of the collection (see ``lsa``);
``hybrid``
    both side by side, each of length 1, so that a similarity is the mean of theirs. Pretrained vectors know
    synonyms, the collection's own know its names and jargon: together they beat either (``benchmarks/vectors.py``).

Both parts are linear in the term counts, so a fitted model is two small matrices over one vocabulary, and embedding
a partition is two sparse products.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.vectors.lsa import term_directions
from eopiez_ray.phases.vectors.static import DIMENSIONS, SMOOTHING, load_embedder, unit_rows
from eopiez_ray.phases.vectors.terms import (
    TermCounts,
    Vocabulary,
    count_matrix,
    count_terms,
    merge_counts,
    restrict,
    select_vocabulary,
    weigh,
)

Floats = npt.NDArray[np.float32]
Provider = Literal["static", "lsa", "hybrid"]

SAMPLE = 12_000
"""Documents that a fit looks at; more change the vectors little and cost in proportion."""
SPREAD = 1e-3
"""Distance from their mean, over its length, below which all documents count as equal."""
SAMPLE_A_PARTITION = 2_000
"""Documents that a sketch carries at most."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a fit needs of one partition: its term counts and some of its documents, evenly spread."""

    counts: TermCounts
    rows: sparse.csr_matrix
    """Term counts of the sampled documents, columns as in ``counts.terms``."""


@dataclass(frozen=True, slots=True)
class VectorModel:
    """Turns tokens into vectors; a value of some 40 MB at most that pickles as arrays."""

    provider: Provider
    vocabulary: Vocabulary
    static: Floats
    """Weighted and rotated word vectors, ``(n_terms, d)``; ``d`` is 0 for ``lsa``."""
    centre: Floats
    """Mean of the sample's static vectors, ``(d,)``."""
    directions: Floats
    """Latent directions, ``(n_terms, d)``; ``d`` is 0 for ``static``."""

    @property
    def dimensions(self) -> int:
        return int(self.static.shape[1] + self.directions.shape[1])

    def embed(self, tokens: pa.Table) -> Floats:
        """One row of length 1 a document, ``(n, dimensions)`` float32; zero without a known word."""
        counts, terms = count_matrix(tokens)
        known = restrict(counts, terms, self.vocabulary)
        parts = [_static_part(known, self.vocabulary, self.static, self.centre)]
        parts.append(unit_rows(np.asarray(weigh(known, self.vocabulary) @ self.directions)))
        return unit_rows(np.hstack(parts))

    def embed_texts(self, texts: list[str]) -> Floats:
        """The same for texts, such as queries."""
        table = pa.table({"document_id": [""] * len(texts), "text": pa.array(texts, pa.string())})
        return self.embed(tokenize(table))


def sketch(tokens: pa.Table, sample: int = SAMPLE_A_PARTITION) -> Sketch:
    """The map piece before ``fit``: one partition's term counts and at most ``sample`` of its documents."""
    counts, terms = count_matrix(tokens)
    totals = count_terms(counts, terms)
    return Sketch(totals, _spread(counts, sample))


def fit(
    sketches: Iterable[Sketch], *, provider: Provider = "hybrid", dimensions: int = 256, max_terms: int = 40_000
) -> VectorModel:
    """The reduce piece: a model of the whole collection, deterministic for the same sketches in the same order.

    ``dimensions`` is the length of the vectors, halved between the parts of ``hybrid``; small collections get fewer.
    """
    _validate(provider, dimensions)
    totals, samples = _gather(sketches)
    vocabulary = select_vocabulary(totals, max_terms=max_terms)
    columns = [restrict(rows, terms, vocabulary) for terms, rows in samples]
    empty = sparse.csr_matrix(np.zeros((0, len(vocabulary)), np.float32))
    rows = _spread(sparse.csr_matrix(sparse.vstack([empty, *columns], format="csr")), SAMPLE)
    width = dimensions // 2 if provider == "hybrid" else dimensions
    none = np.zeros((len(vocabulary), 0), np.float32)
    static, centre = none, np.zeros(0, np.float32)
    if provider != "lsa":
        static, centre = _fit_static(rows, vocabulary, min(width, DIMENSIONS))
    directions = none if provider == "static" else term_directions(weigh(rows, vocabulary), width)[0]
    return VectorModel(provider, vocabulary, static, centre, directions)


def _validate(provider: str, dimensions: int) -> None:
    if provider not in get_args(Provider):
        raise ParameterError(f"no vectors are named {provider!r}; choose {', '.join(get_args(Provider))}")
    if not 2 <= dimensions <= 1024:
        raise ParameterError(f"dimensions must be between 2 and 1,024, not {dimensions}")


def _spread(rows: sparse.csr_matrix, limit: int) -> sparse.csr_matrix:
    """At most ``limit`` rows, evenly spaced."""
    if rows.shape[0] <= limit:
        return rows
    return rows[np.linspace(0, rows.shape[0] - 1, limit).astype(np.int64)]


def _gather(sketches: Iterable[Sketch]) -> tuple[TermCounts, list[tuple[pa.StringArray, sparse.csr_matrix]]]:
    """The summed counts, and every ``stride``-th sampled document, where ``stride`` doubles as the sample grows."""
    samples: list[tuple[pa.StringArray, sparse.csr_matrix]] = []
    stride, held = 1, 0

    def counts() -> Iterable[TermCounts]:
        nonlocal samples, stride, held
        for part in sketches:
            samples.append((part.counts.terms, part.rows[::stride]))
            held += samples[-1][1].shape[0]
            if held > 2 * SAMPLE:
                stride *= 2
                samples = [(terms, rows[::2]) for terms, rows in samples]
                held = sum(rows.shape[0] for _, rows in samples)
            yield part.counts

    return merge_counts(counts()), samples


def _fit_static(rows: sparse.csr_matrix, vocabulary: Vocabulary, dimensions: int) -> tuple[Floats, Floats]:
    """Weighted word vectors on the principal axes of the sample, and the sample's mean on the same axes."""
    weights = _word_weights(vocabulary)
    words = load_embedder().word_vectors(vocabulary.terms.to_pylist()) * weights[:, None]
    means = np.asarray(rows @ words) / np.maximum(np.asarray(rows @ weights), 1e-12)[:, None]
    means = means[np.diff(rows.indptr) > 0]
    centre = means.mean(axis=0) if len(means) else np.zeros(DIMENSIONS, np.float32)
    if len(means) and np.linalg.norm(means - centre, axis=1).max() < SPREAD * np.linalg.norm(centre):
        centre = np.zeros(DIMENSIONS, np.float32)  # Copies of one document: centred, they would be rounding errors.
    centred = unit_rows(means - centre)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimensions]
    return (words @ axes).astype(np.float32), (centre @ axes).astype(np.float32)


def _static_part(counts: sparse.csr_matrix, vocabulary: Vocabulary, static: Floats, centre: Floats) -> Floats:
    total = np.asarray(counts @ _word_weights(vocabulary))[:, None]
    means = np.asarray(counts @ static) / np.maximum(total, 1e-12) - centre
    return unit_rows(np.where(total > 0, means, 0).astype(np.float32))


def _word_weights(vocabulary: Vocabulary) -> Floats:
    weights: Floats = (SMOOTHING / (SMOOTHING + vocabulary.frequency)).astype(np.float32)
    return weights
