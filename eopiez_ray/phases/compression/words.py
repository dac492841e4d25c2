"""Text with its frequent words replaced by short codes: half the bytes, and the other half easier to compress.

UTF-8 never uses the bytes C0, C1 and F5 to FF, so they can say "here stands a word of the codebook" in any text
without an escape. The idea is that of star encoding and its successors (Skibiński, Grabowski and Deorowicz 2005,
"Revisiting dictionary-based compression"); it serves block-sorting compressors best.

- F5, F6: words 0 and 1. F7 to FD and one byte more: the next 805 words. FE, FF and two bytes more: the others.
  The bytes after the first are 80 to F4 without C0 and C1, the 115 *digits*.
- C0 before a code: the word begins with a capital. C1: it is all capitals.
- A code directly before another code or flag stands for the word and a space.

A word is a maximal run of ASCII letters and bytes from 80 on; the codebook has words without ASCII capitals.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

CAPITAL, CAPITALS = 0xC0, 0xC1
ONE, TWO, THREE = range(0xF5, 0xF7), range(0xF7, 0xFE), range(0xFE, 0x100)
"""First bytes of codes of one, two and three bytes."""
DIGITS = [byte for byte in range(0x80, 0xF5) if byte not in {CAPITAL, CAPITALS}]
MOST_WORDS = len(ONE) + len(TWO) * len(DIGITS) + len(THREE) * len(DIGITS) ** 2

_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_IS_LETTER = bytes(65 <= byte <= 90 or 97 <= byte <= 122 or byte >= 0x80 for byte in range(256))
_IS_CAPITAL = bytes(65 <= byte <= 90 for byte in range(256))
_CODE_LENGTH = bytes(1 if byte in ONE else 2 if byte in TWO else 3 if byte in THREE else 0 for byte in range(256))
_IS_SPECIAL = bytes(byte in {CAPITAL, CAPITALS} or byte >= ONE[0] for byte in range(256))
_DIGIT = np.zeros(256, np.int64)
_DIGIT[DIGITS] = np.arange(len(DIGITS))


class WordCoder:
    """Codes for a list of words; those of the first words are shorter."""

    def __init__(self, words: tuple[bytes, ...]) -> None:
        if len(words) > MOST_WORDS:
            raise ValueError(f"{len(words)} words, and there are codes for {MOST_WORDS}")
        self.words = words

    def encode(self, text: bytes) -> bytes:
        """UTF-8, or any piece of it, with codes for the words of the list."""
        starts, ends = _runs(text)
        which = self._find(text, ends - starts)
        flags = _flags(text, starts, ends)
        lengths = self._code_lengths[which] + (flags > 0)
        coded = np.flatnonzero((which >= 0) & (flags >= 0) & (lengths <= ends - starts))
        return self._replace(text, starts[coded], ends[coded], which[coded], flags[coded])

    def decode(self, data: bytes) -> bytes:
        """The text of ``encode``.

        Raises:
            ValueError: the data has codes that the list lacks.
        """
        source = np.frombuffer(data, np.uint8)
        code_lengths = np.frombuffer(data.translate(_CODE_LENGTH), np.uint8)
        leads = np.flatnonzero(code_lengths)
        which = _read_codes(source, leads, code_lengths[leads])
        if which.size and which.max() >= len(self.words):
            raise ValueError("a code stands for no word of the codebook")
        after = leads + code_lengths[leads]
        is_special = np.frombuffer(data.translate(_IS_SPECIAL) + b"\0", np.bool_)
        sizes = self._word_lengths[which] + is_special[after]
        widths = np.ones(len(source), np.int64)
        widths[source == CAPITAL] = widths[source == CAPITALS] = 0
        for extra in (1, 2):
            widths[leads[code_lengths[leads] > extra] + extra] = 0
        widths[leads] = sizes
        places = np.cumsum(widths) - widths
        return self._expand(source, leads, which, widths, places)

    def _find(self, text: bytes, lengths: Positions) -> Positions:
        """Index of the word in each run, -1 where the list has none."""
        runs = _letters_of(text, lengths)
        found = pc.fill_null(pc.index_in(runs, self._vocabulary), -1)
        which: Positions = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return which

    def _replace(self, text: bytes, starts: Positions, ends: Positions, which: Positions, flags: Positions) -> bytes:
        """Write each code over its word, for it is never longer, and cut out what is left of the word."""
        out = np.frombuffer(text, np.uint8).copy()
        is_flagged = flags > 0
        out[starts[is_flagged]] = np.where(flags[is_flagged] == 1, CAPITAL, CAPITALS)
        first = starts + is_flagged
        lengths = self._code_lengths[which]
        out[first] = self._codes[0][which]
        for i in (1, 2):
            longer = np.flatnonzero(lengths > i)
            out[first[longer] + i] = self._codes[i][which[longer]]
        rest = first + lengths
        if len(starts):
            is_next = (starts[1:] - ends[:-1] == 1) & (out[ends[:-1]] == 0x20)
            ends = ends + np.append(is_next, False)
        change = np.zeros(len(out) + 1, np.int8)
        change[rest] -= 1
        change[ends] += 1  # No two words end at the same place, so plain indexing counts them all.
        kept: Bytes = out[np.cumsum(change[:-1], dtype=np.int8) == 0]
        return kept.tobytes()

    def _expand(self, source: Bytes, leads: Positions, which: Positions, widths: Positions, places: Positions) -> bytes:
        out = np.full(int(places[-1] + widths[-1]) if len(source) else 0, 0x20, np.uint8)
        is_literal = widths == 1
        is_literal[leads] = False
        out[places[is_literal]] = source[is_literal]
        sizes, targets = self._word_lengths[which], places[leads]
        step = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        letters = self._letters[np.repeat(self._word_starts[which], sizes) + step]
        before = source[np.maximum(leads - 1, 0)] * (leads > 0)
        is_first = (before == CAPITAL) & (sizes > 0)
        letters[(np.cumsum(sizes) - sizes)[is_first]] &= 0xDF
        upper = np.repeat(before == CAPITALS, sizes)
        letters[upper] &= 0xDF
        out[np.repeat(targets, sizes) + step] = letters
        return out.tobytes()

    @cached_property
    def _vocabulary(self) -> pa.Array:
        return pa.array(self.words, pa.binary())

    @cached_property
    def _word_lengths(self) -> Positions:
        return np.fromiter(map(len, self.words), np.int64, len(self.words))

    @cached_property
    def _word_starts(self) -> Positions:
        return np.cumsum(self._word_lengths) - self._word_lengths

    @cached_property
    def _letters(self) -> Bytes:
        return np.frombuffer(b"".join(self.words), np.uint8)

    @cached_property
    def _code_lengths(self) -> Positions:
        """By word; the last entry answers for the index -1."""
        numbers = np.arange(len(self.words) + 1)
        two, three = len(ONE), len(ONE) + len(TWO) * len(DIGITS)
        return 1 + (numbers >= two).astype(np.int64) + (numbers >= three)

    @cached_property
    def _codes(self) -> Bytes:
        """``(3, n_words)``, zeros after the end of a code."""
        codes = [bytes([lead]) for lead in ONE]
        codes += [bytes([lead, digit]) for lead in TWO for digit in DIGITS]
        codes += [bytes([lead, first, second]) for lead in THREE for first in DIGITS for second in DIGITS]
        padded = b"".join(code.ljust(3, b"\0") for code in codes[: len(self.words)])
        return np.frombuffer(padded, np.uint8).reshape(-1, 3).T.copy()


def find_words(text: bytes) -> pa.Array:
    """The words of a text in reading order, without ASCII capitals; runs of mixed case are left out."""
    starts, ends = _runs(text)
    runs = _letters_of(text, ends - starts)
    return runs.filter(pa.array(_flags(text, starts, ends) >= 0))


def _letters_of(text: bytes, lengths: Positions) -> pa.Array:
    """The letters of each run, without ASCII capitals."""
    letters = np.frombuffer(text.translate(_LOWER), np.uint8)[np.frombuffer(text.translate(_IS_LETTER), np.bool_)]
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.binary(), len(lengths), [None, pa.py_buffer(offsets), pa.py_buffer(letters)])


def _runs(text: bytes) -> tuple[Positions, Positions]:
    is_letter = np.frombuffer(b"\0" + text.translate(_IS_LETTER) + b"\0", np.bool_)
    edges = np.flatnonzero(is_letter[1:] != is_letter[:-1])
    return edges[::2], edges[1::2]


def _flags(text: bytes, starts: Positions, ends: Positions) -> Positions:
    """Of each run: 0 without ASCII capitals, 1 with a first one alone, 2 all capitals, -1 otherwise mixed."""
    is_capital = np.frombuffer(text.translate(_IS_CAPITAL), np.bool_)
    capitals = np.flatnonzero(is_capital)
    number = np.bincount(np.searchsorted(starts, capitals, "right") - 1, minlength=len(starts))
    flags = np.where(number == 0, 0, -1)
    flags[number == ends - starts] = 2
    flags[(number == 1) & is_capital[starts]] = 1
    return flags


def _read_codes(source: Bytes, leads: Positions, lengths: Bytes) -> Positions:
    """Index of the word of each code."""
    padded = np.append(source, [0, 0])
    lead, first, second = padded[leads].astype(np.int64), _DIGIT[padded[leads + 1]], _DIGIT[padded[leads + 2]]
    base = len(DIGITS)
    two = len(ONE) + (lead - TWO[0]) * base + first
    three = len(ONE) + len(TWO) * base + ((lead - THREE[0]) * base + first) * base + second
    return np.where(lengths == 1, lead - ONE[0], np.where(lengths == 2, two, three))
