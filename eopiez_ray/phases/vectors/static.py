"""Vectors of words from the weights that the wordllama package carries, read without importing it and offline.

A word's vector is the sum of its pieces' vectors (byte-pair encoding of the Llama 2 vocabulary); a text's vector is
the mean of its words' vectors, each weighted by ``a / (a + p(word))``, the smooth inverse frequency of Arora, Liang
and Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings", equation (1). Each distinct word is
encoded once, so that the cost of a partition is that of its vocabulary and one sparse matrix product.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.text import tokenize
from eopiez_ray.phases.vectors.terms import count_matrix

Floats = npt.NDArray[np.float32]

DIMENSIONS = 256
SMOOTHING = 1e-3
"""The constant ``a`` of the smooth inverse frequency."""
MAX_WORD_CHARACTERS = 64
"""Longer words are cut before they are encoded: they are addresses, hashes and encoded files."""
MAX_TEXT_CHARACTERS = 100_000
"""What is read of each text by ``StaticEmbedder.embed``."""


def unit_rows(matrix: Floats) -> Floats:
    """The rows scaled to length 1; rows (nearly) of length 0 become exactly 0."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))[:, None]
    scaled: Floats = np.where(norms > 1e-12, matrix / np.maximum(norms, 1e-12), 0).astype(np.float32)
    return scaled


class StaticEmbedder:
    """Encodes words and short texts; holds 33 MB of weights. ``load_embedder`` gives the process's only one."""

    def __init__(self, weights: Path, tokenizer: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._pieces: Floats = load_file(weights)["embedding.weight"].astype(np.float32)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def word_vectors(self, words: Sequence[str]) -> Floats:
        """One row a word, the sum of its pieces, ``(n_words, 256)``; an empty word gives a zero row."""
        vectors = np.zeros((len(words), DIMENSIONS), np.float32)
        for start in range(0, len(words), 8192):
            cut = [word[:MAX_WORD_CHARACTERS] for word in words[start : start + 8192]]
            encoded = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
            ids = [encoding.ids for encoding in encoded]
            lengths = np.fromiter(map(len, ids), np.int64, len(ids))
            filled = np.flatnonzero(lengths)
            if filled.size:
                firsts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
                pieces = np.fromiter((i for row in ids for i in row), np.int32, int(lengths.sum()))
                vectors[start + filled] = np.add.reduceat(self._pieces[pieces], firsts)
        return vectors

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of length 1 a text, ``(n, 256)`` float32; a text without words gives a zero row.

        Words are weighted by their frequency among these texts alone, and only when there are enough of them to
        tell (1,000 words); texts of one collection belong in one ``VectorModel`` instead.
        """
        cut = [text[:MAX_TEXT_CHARACTERS] for text in texts]
        table = pa.table({"document_id": [""] * len(cut), "text": pa.array(cut, pa.string())})
        counts, words = count_matrix(tokenize(table))
        totals = np.asarray(counts.sum(axis=0)).ravel()
        share = totals / max(totals.sum(), 1_000.0)
        weighted = self.word_vectors(words.to_pylist()) * (SMOOTHING / (SMOOTHING + share))[:, None]
        return unit_rows(np.asarray(counts @ weighted.astype(np.float32)))


@lru_cache(maxsize=1)
def load_embedder() -> StaticEmbedder:
    """The embedder of this process, loaded on first use (about 0.1 s)."""
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise ParameterError("the provider 'static' needs the package wordllama: pip install wordllama")
    root = Path(next(iter(spec.submodule_search_locations)))
    return StaticEmbedder(
        root / "weights" / "l2_supercat_256.safetensors",
        root / "tokenizers" / "l2_supercat_tokenizer_config.json",
    )
