"""Words of any language with their places in the text, and the words that say nothing.

A partition is tokenized as one array of code points: each is classified by a table look-up, and word boundaries are
where the class changes. The rules are those of Unicode Standard Annex 29 as far as a search index needs them:

- a word is a run of letters, digits and the combining marks that follow them;
- an apostrophe or underscore between two letters or digits joins them (``don't``, ``l'été``, ``snake_case``), and so
  does a point or comma between two digits (``3.14``, ``1,000``); a hyphen separates (``long-term`` is two words);
- scripts that write no spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) yield overlapping pairs of characters, each
  with its marks, and a lone character yields itself.

Addresses, mentions, HTML entities and tags are no words (``markings``).

A normalized word is the NFKC form of the case-folded surface, without soft hyphens and without an English
possessive ``'s``. Offsets always refer to the text as it was given, whatever normalization does to the length.
"""

from __future__ import annotations

import functools
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from eopiez_ray.phases.markings import hidden_spans
from eopiez_ray.phases.schemas import TOKENS

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

OTHER, LETTER, DIGIT, MARK, JOINER, POINT, UNSPACED = range(7)
"""Classes of characters; the table of a partition maps each code point to one."""

_JOINERS = frozenset("'’ʼ＇_")
_POINTS = frozenset(".,")
_EXTENDERS = frozenset("\u00ad\u200c\u200d\u2060")
_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)


@dataclass(frozen=True, slots=True)
class Spans:
    """Half-open ranges ``[start, end)`` in an array of code points, in reading order."""

    starts: Positions
    ends: Positions


def tokenize(documents: pa.Table) -> pa.Table:
    """The words of each document (columns ``document_id`` and ``text``), as a table of schema ``TOKENS``."""
    texts: list[str] = documents.column("text").to_pylist()
    joined = "\n".join(texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    origins = np.concatenate([[0], np.cumsum(lengths + 1)])
    codes = _code_points(joined)
    spans = find_words(codes, hidden_spans(joined, codes))
    first = np.searchsorted(spans.starts, origins).astype(np.int32)
    shift = np.repeat(origins[:-1], np.diff(first))
    words = _dictionary(codes, spans)
    columns = [
        documents.column("document_id").combine_chunks(),
        pa.ListArray.from_arrays(first, words),
        pa.ListArray.from_arrays(first, (spans.starts - shift).astype(np.int32)),
        pa.ListArray.from_arrays(first, (spans.ends - shift).astype(np.int32)),
    ]
    return pa.table(columns, schema=TOKENS)


def normalize(surface: str) -> str:
    """The form under which a word is counted; a surface that folds to nothing stays as it is."""
    if surface.isascii():
        folded = surface.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", surface).casefold())
        folded = folded.replace("’", "'").replace("ʼ", "'").replace("\u00ad", "").replace("\u2060", "")
    return folded.removesuffix("'s") or surface


def find_words(codes: Codes, hidden: tuple[Positions, Positions]) -> Spans:
    """The spans of all words in an array of code points, outside of ``hidden`` ones."""
    classes = _classify(codes)
    for start, end in zip(*(bounds.tolist() for bounds in hidden), strict=True):
        classes[start:end] = OTHER
    _attach_marks(classes)
    _join(classes)
    spaced = _runs((classes == LETTER) | (classes == DIGIT))
    unspaced = _unspaced_pairs(codes, classes) if (classes == UNSPACED).any() else None
    if unspaced is None:
        return spaced
    starts = np.concatenate([spaced.starts, unspaced.starts])
    ends = np.concatenate([spaced.ends, unspaced.ends])
    order = np.argsort(starts, kind="stable")
    return Spans(starts[order], ends[order])


def _code_points(text: str) -> Codes:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _classify(codes: Codes) -> npt.NDArray[np.uint8]:
    """The class of each code point; only the distinct ones are looked up in the Unicode database."""
    if codes.dtype == np.uint8:
        return np.frombuffer(bytearray(codes.tobytes()).translate(_ascii_classes()), np.uint8)
    present = np.bincount(codes) if codes.size else np.zeros(1, np.int64)
    table = np.zeros(len(present), np.uint8)
    for code in np.flatnonzero(present):
        table[code] = _class_of(chr(code))
    return table[codes]


@functools.cache
def _ascii_classes() -> bytes:
    return bytes(_class_of(chr(code)) for code in range(256))


def _class_of(character: str) -> int:
    if character in _JOINERS:
        return JOINER
    if character in _POINTS:
        return POINT
    category = unicodedata.category(character)
    if category[0] == "M" or character in _EXTENDERS:
        return MARK
    if category[0] not in "LN":
        return OTHER
    if any(low <= ord(character) <= high for low, high in _UNSPACED_RANGES):
        return DIGIT if category == "Nd" else UNSPACED
    return DIGIT if category[0] == "N" else LETTER


def _attach_marks(classes: npt.NDArray[np.uint8]) -> None:
    """Give each mark the class of the character that it modifies, in place."""
    marks = np.flatnonzero(classes == MARK)
    if not marks.size:
        return
    bases = np.where(classes == MARK, 0, np.arange(len(classes)))
    np.maximum.accumulate(bases, out=bases)
    inherited = classes[bases[marks]]
    attaches = (inherited == LETTER) | (inherited == DIGIT) | (inherited == UNSPACED)
    classes[marks] = np.where(attaches, inherited, OTHER)


def _join(classes: npt.NDArray[np.uint8]) -> None:
    """Turn joiners between letters or digits, and points between digits, into letters, in place."""
    if len(classes) < 3:
        return
    inner = np.flatnonzero((classes[1:-1] == JOINER) | (classes[1:-1] == POINT)) + 1
    kind, before, after = classes[inner], classes[inner - 1], classes[inner + 1]
    digits = (before == DIGIT) & (after == DIGIT)
    word = ((before == LETTER) | (before == DIGIT)) & ((after == LETTER) | (after == DIGIT))
    classes[inner[np.where(kind == POINT, digits, word)]] = LETTER


def _runs(mask: Mask) -> Spans:
    bounded = np.zeros(len(mask) + 2, np.bool_)
    bounded[1:-1] = mask
    edges = np.flatnonzero(bounded[1:] != bounded[:-1])
    return Spans(edges[::2].astype(np.int64), edges[1::2].astype(np.int64))


def _unspaced_pairs(codes: Codes, classes: npt.NDArray[np.uint8]) -> Spans:
    """Overlapping pairs of characters with their marks; a run of one character yields that character."""
    runs = _runs(classes == UNSPACED)
    begins = classes == UNSPACED
    for mark in np.flatnonzero(begins):
        begins[mark] = not unicodedata.category(chr(codes[mark])).startswith("M")
    begins[runs.starts] = True
    units = np.flatnonzero(begins)
    run = np.searchsorted(runs.starts, units, side="right") - 1
    has_next = np.append(run[1:] == run[:-1], False)
    ends = np.where(has_next, np.append(units[1:], 0), runs.ends[run])
    pair_ends = np.where(has_next, np.append(ends[1:], 0), ends)
    alone = ~has_next & ~np.insert(has_next[:-1], 0, False)
    keep = has_next | alone
    return Spans(units[keep].astype(np.int64), pair_ends[keep].astype(np.int64))


def _dictionary(codes: Codes, spans: Spans) -> pa.DictionaryArray:
    """Normalized words as an Arrow dictionary array; surfaces are encoded in Arrow, distinct ones in Python."""
    lengths = spans.ends - spans.starts
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if (spans.starts[1:] < spans.ends[:-1]).any():
        picked = codes[np.arange(offsets[-1]) + np.repeat(spans.starts - offsets[:-1], lengths)]
    else:
        picked = codes[_inside(spans, len(codes))]
    surfaces = _string_array(picked, offsets).dictionary_encode()
    ids: dict[str, int] = {}
    remap = [ids.setdefault(normalize(word), len(ids)) for word in surfaces.dictionary.to_pylist()]
    indices = np.asarray(remap, np.int32)[surfaces.indices.to_numpy()] if remap else np.zeros(0, np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(list(ids), pa.string()))


def _inside(spans: Spans, size: int) -> Mask:
    """Which of ``size`` positions are inside spans that do not overlap."""
    change = np.zeros(size + 1, np.int8)
    change[spans.starts] += 1
    change[spans.ends] -= 1
    return np.cumsum(change[:-1], dtype=np.int8).view(np.bool_)


def _string_array(picked: Codes, offsets: Positions) -> pa.StringArray:
    """Arrow strings over consecutive code points, cut at ``offsets`` (counted in code points)."""
    if picked.dtype == np.uint8:
        folded = picked + 32 * ((picked >= 65) & (picked <= 90)).astype(np.uint8)
        data = folded.tobytes()
    else:
        data = picked.tobytes().decode("utf-32-le").encode()
        width = 1 + (picked > 0x7F).astype(np.int8) + (picked > 0x7FF) + (picked > 0xFFFF)
        offsets = np.concatenate([[0], np.cumsum(width)])[offsets]
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(data)
    )
