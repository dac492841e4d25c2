"""The ways in which a section of an archive can be compressed."""

from __future__ import annotations

import bz2
import lzma
import zlib
from enum import IntEnum, StrEnum
from functools import cached_property

import brotli
import zstandard

from eopiez_ray.phases.compression.words import WordCoder


class Codec(IntEnum):
    """How bytes are stored; the number stands in the file."""

    STORE = 0
    ZSTD = 1
    """One Zstandard frame."""
    ZSTD_DICTIONARY = 2
    """One Zstandard frame against the codebook's sample as raw-content dictionary."""
    BZIP2 = 3
    WORDS_BZIP2 = 4
    """Word codes of the codebook, then bzip2."""
    XZ = 5
    BROTLI = 6


class Effort(StrEnum):
    """How much time compression may take; all are decompressed by the same reader."""

    FAST = "fast"
    """About 90 MB/s."""
    NORMAL = "normal"
    """About 16 MB/s."""
    BEST = "best"
    """About 0.5 MB/s: everything is tried on every block. It rarely helps prose, more so logs and markup."""


CANDIDATES = {
    Effort.FAST: (Codec.ZSTD_DICTIONARY, Codec.ZSTD),
    Effort.NORMAL: (Codec.WORDS_BZIP2, Codec.BZIP2, Codec.ZSTD),
    Effort.BEST: (Codec.WORDS_BZIP2, Codec.BZIP2, Codec.XZ, Codec.BROTLI, Codec.ZSTD_DICTIONARY, Codec.ZSTD),
}
_ZSTD_LEVELS = {Effort.FAST: 3, Effort.NORMAL: 9, Effort.BEST: 19}

BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError, brotli.error)
"""What decompressors raise for bytes that are not theirs."""


class Coders:
    """Compressors and decompressors that share a codebook's words and sample."""

    def __init__(self, words: tuple[bytes, ...], sample: bytes) -> None:
        self._words, self._sample = words, sample

    def compress(self, data: bytes, codec: Codec, effort: Effort) -> bytes:
        """``data`` in the form of a codec."""
        match codec:
            case Codec.STORE:
                return data
            case Codec.ZSTD | Codec.ZSTD_DICTIONARY:
                return self._zstd(effort, codec is Codec.ZSTD_DICTIONARY).compress(data)
            case Codec.BZIP2:
                return bz2.compress(data)
            case Codec.WORDS_BZIP2:
                return bz2.compress(self._word_coder.encode(data))
            case Codec.XZ:
                return lzma.compress(data, check=lzma.CHECK_NONE, preset=9 | lzma.PRESET_EXTREME)
            case Codec.BROTLI:
                return bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=11, lgwin=24))

    def decompress(self, data: bytes, codec: Codec, size: int) -> bytes:
        """The bytes that a codec stored.

        Raises:
            ValueError: they are not ``size`` bytes; other errors of ``BROKEN`` if they are no such form.
        """
        found = self._decompress(data, codec, size)
        if len(found) != size:
            raise ValueError(f"{len(found)} bytes instead of {size}")
        return found

    def _decompress(self, data: bytes, codec: Codec, size: int) -> bytes:
        match codec:
            case Codec.STORE:
                return data
            case Codec.ZSTD | Codec.ZSTD_DICTIONARY:
                decompressor = self._unzstd_dictionary if codec is Codec.ZSTD_DICTIONARY else self._unzstd
                return decompressor.decompress(data, max_output_size=size)
            case Codec.BZIP2:
                return bz2.decompress(data)
            case Codec.WORDS_BZIP2:
                return self._word_coder.decode(bz2.decompress(data))
            case Codec.XZ:
                return lzma.decompress(data)
            case Codec.BROTLI:
                return bytes(brotli.decompress(data))

    def _zstd(self, effort: Effort, with_dictionary: bool) -> zstandard.ZstdCompressor:
        dictionary = self._dictionary if with_dictionary else None
        return zstandard.ZstdCompressor(level=_ZSTD_LEVELS[effort], dict_data=dictionary, write_checksum=False)

    @cached_property
    def _dictionary(self) -> zstandard.ZstdCompressionDict:
        return zstandard.ZstdCompressionDict(self._sample, dict_type=zstandard.DICT_TYPE_RAWCONTENT)

    @cached_property
    def _unzstd(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor()

    @cached_property
    def _unzstd_dictionary(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor(dict_data=self._dictionary)

    @cached_property
    def _word_coder(self) -> WordCoder:
        return WordCoder(self._words)


PLAIN = Coders((), b"")
"""Coders without a codebook, for what every reader must be able to open."""


def smallest(data: bytes, codecs: tuple[Codec, ...], effort: Effort, coders: Coders = PLAIN) -> tuple[Codec, bytes]:
    """The shortest form among some codecs and storing."""
    best, stored = Codec.STORE, data
    for codec in codecs:
        tried = coders.compress(data, codec, effort)
        if len(tried) < len(stored):
            best, stored = codec, tried
    return best, stored
