"""What an archive learns of its collection before it compresses it: frequent words, a sample, the best codec."""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.compression.codecs import CANDIDATES, Codec, Coders, Effort
from eopiez_ray.phases.compression.words import DIGITS, MOST_WORDS, ONE, TWO, find_words

COUNTED = 1 << 20
"""Bytes of a partition in which words are counted."""
QUOTED = 256 << 10
"""Bytes of a partition that are kept as text."""
MEASURED = 1 << 20
"""Bytes of text on which codecs are compared."""
DICTIONARY = 112 << 10
"""Bytes of text in a codebook whose codec wants them."""
LEAST_COUNT = 4
"""Expected occurrences in the collection from which a word earns its place in the codebook."""
WORDS_PER_PARTITION = 30_000

_HEAD = struct.Struct("<BII")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one partition shows of the collection; a few hundred KB."""

    words: pa.BinaryArray
    """Distinct words of the counted part."""
    counts: npt.NDArray[np.int64]
    quoted: tuple[bytes, ...]
    """Texts spread over the partition, ``QUOTED`` bytes at most."""
    counted_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Codebook:
    """What all blocks of an archive share; stored in it."""

    words: tuple[bytes, ...]
    """Words with codes, those with the shortest codes first."""
    sample: bytes
    """Raw content that Zstandard may refer to."""
    codec: Codec
    """What did best on the sample."""
    expected: float
    """Compressed size over size on the sample."""
    effort: Effort

    @cached_property
    def coders(self) -> Coders:
        return Coders(self.words, self.sample)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "coders"}

    def to_bytes(self) -> bytes:
        """What a reader needs: the words and the sample, compressed."""
        words = b"\n".join(self.words)
        head = _HEAD.pack(1, len(words), len(self.sample))
        return head + lzma.compress(words + self.sample, check=lzma.CHECK_NONE, preset=9)

    @classmethod
    def from_bytes(cls, data: bytes) -> Codebook:
        """A codebook that can decompress.

        Raises:
            ValueError, lzma.LZMAError, struct.error: the bytes are not of ``to_bytes``.
        """
        version, words_size, sample_size = _HEAD.unpack_from(data)
        both = lzma.decompress(data[_HEAD.size :])
        if version != 1 or len(both) != words_size + sample_size:
            raise ValueError("not a codebook of this version")
        words = tuple(both[:words_size].split(b"\n")) if words_size else ()
        return cls(words, both[words_size:], Codec.STORE, 1.0, Effort.NORMAL)


def sample_documents(documents: pa.Table) -> Sample:
    """The sample of one partition (its column ``text``)."""
    texts = [text.encode() for text in documents.column("text").to_pylist()]
    counted = b"\n".join(_spread(texts, COUNTED))
    found = pc.value_counts(find_words(counted))
    words, counts = found.field("values"), found.field("counts").to_numpy()
    best = np.argsort(-counts, kind="stable")[:WORDS_PER_PARTITION]
    quoted = tuple(_spread(texts, QUOTED))
    return Sample(words.take(pa.array(best)), counts[best], quoted, len(counted), sum(map(len, texts)))


def train(samples: Iterable[Sample], effort: Effort = Effort.NORMAL) -> Codebook:
    """The codebook of a collection, from the samples of its partitions.

    The codec is the one among those of the effort that makes a sample of the collection smallest, the codebook that
    it needs included.
    """
    parts = list(samples)
    total = sum(part.total_bytes for part in parts)
    words = _choose_words(parts)
    quoted = [text for part in parts for text in part.quoted]
    measured = b"".join(_spread(quoted[::2], MEASURED))  # Not what the dictionary holds: that would flatter it.
    dictionary = b"".join(_spread(quoted[1::2], DICTIONARY)) if total > 4 * DICTIONARY else b""
    coders = Coders(words, dictionary)
    best, best_size, ratio = Codec.STORE, float(total), 1.0
    for codec in CANDIDATES[effort] if measured else ():
        share = len(coders.compress(measured, codec, effort)) / len(measured)
        size = share * total + len(_needed(codec, words, dictionary, effort).to_bytes())
        if size < best_size:
            best, best_size, ratio = codec, size, share
    needed = _needed(best, words, dictionary, effort)
    return Codebook(needed.words, needed.sample, best, ratio, effort)


def _needed(codec: Codec, words: tuple[bytes, ...], sample: bytes, effort: Effort) -> Codebook:
    """A codebook with only what a codec uses; the best effort may use all of it."""
    keeps_words = codec is Codec.WORDS_BZIP2
    keeps_sample = codec is Codec.ZSTD_DICTIONARY
    return Codebook(words if keeps_words else (), sample if keeps_sample else b"", codec, 1.0, effort)


def _choose_words(parts: list[Sample]) -> tuple[bytes, ...]:
    """Words that are expected often enough, the most frequent first, then by alphabet within a length of codes."""
    if not parts:
        return ()
    every = pa.concat_arrays([part.words for part in parts]).dictionary_encode()
    counts = np.bincount(
        every.indices.to_numpy(),
        np.concatenate([part.counts for part in parts]),
        minlength=len(every.dictionary),
    )
    scale = sum(part.total_bytes for part in parts) / max(1, sum(part.counted_bytes for part in parts))
    words = every.dictionary.to_pylist()
    fitting = [i for i in np.argsort(-counts, kind="stable") if 2 <= len(words[i]) <= 48]
    frequent = [words[i] for i in fitting[:MOST_WORDS] if counts[i] >= max(2, LEAST_COUNT / scale)]
    two, three = len(ONE), len(ONE) + len(TWO) * len(DIGITS)
    longer = sorted(word for word in frequent[three:] if len(word) > 3)
    return (*frequent[:two], *sorted(frequent[two:three]), *longer)


def _spread(texts: list[bytes], size: int) -> list[bytes]:
    """Texts at even distances that have about ``size`` bytes together; a longer one is cut."""
    total = sum(map(len, texts))
    if total <= size:
        return texts
    chosen: list[bytes] = []
    seen = taken = 0
    for text in texts:
        seen += len(text)
        due = seen * size // total - taken
        if due >= len(text) or due >= min(len(text), size // 16):
            piece = text[: max(due, size // 16)]
            chosen.append(piece)
            taken += len(piece)
    return chosen
