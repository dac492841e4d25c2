"""Words of any language with their places in the text, and the words that say nothing.

A partition is tokenized as one array of code points: each is classified by a table look-up, and word boundaries are
where the class changes. The rules are those of Unicode Standard Annex 29 as far as a search index needs them:

- a word is a run of letters, digits and the combining marks that follow them;
- an apostrophe or underscore between two letters or digits joins them (``don't``, ``l'été``, ``snake_case``), and so
  does a point or comma between two digits (``3.14``, ``1,000``); a hyphen separates (``long-term`` is two words);
- scripts that write no spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) are cut into words by dictionaries
  (``languages.segmentation``).

Addresses, mentions, HTML entities and tags are no words (``markings``).

A normalized word is the NFKC form of the case-folded surface, without soft hyphens and without an English
possessive ``'s``. Offsets always refer to the text as it was given, whatever normalization does to the length.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.languages.segmentation import cut_runs
from eopiez_ray.phases.markings import Codes, Mask, Positions, code_points, hidden_spans
from eopiez_ray.phases.schemas import TOKENS

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
_UNSPACED_BOUNDS = np.array([(low, high + 1) for low, high in _UNSPACED_RANGES]).ravel()


@dataclass(frozen=True, slots=True)
class Spans:
    """Half-open ranges ``[start, end)`` in an array of code points, in reading order."""

    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of letters and digits in some documents: words, or stretches of a script that writes no spaces."""

    text: str
    """All documents, a line end after each but the last."""
    codes: Codes
    """Its code points, ``(n,)``."""
    origins: Positions
    """``(n_documents + 1,)``, where each document begins in the text."""
    spans: Spans
    """In the text; none overlaps another."""

    @property
    def firsts(self) -> Positions:
        """``(n_documents + 1,)``, the first run of each document."""
        return np.searchsorted(self.spans.starts, self.origins)

    def where(self, kept: Mask) -> Runs:
        """Some of the runs, ``(n_runs,)``."""
        return replace(self, spans=Spans(self.spans.starts[kept], self.spans.ends[kept]))

    def cut(self) -> Runs:
        """The words: runs of scripts that write no spaces are cut."""
        if self.codes.max(initial=0) < _UNSPACED_BOUNDS[0]:
            return self
        unspaced = is_unspaced(self.codes[self.spans.starts])
        long, words = self.where(unspaced).spans, self.where(~unspaced).spans
        return replace(self, spans=_merged(words, Spans(*cut_runs(self.codes, long.starts, long.ends))))


def tokenize(documents: pa.Table) -> pa.Table:
    """The words of each document (columns ``document_id`` and ``text``), as a table of schema ``TOKENS``."""
    return token_table(documents.column("document_id"), read_runs(documents.column("text").to_pylist()).cut())


def read_runs(texts: Sequence[str]) -> Runs:
    """The runs of letters and digits in some texts, without addresses and other markings."""
    joined = "\n".join(texts)
    origins = np.concatenate([[0], np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)])
    codes = code_points(joined)
    return Runs(joined, codes, origins, _find_runs(codes, hidden_spans(joined, codes)))


def token_table(ids: pa.ChunkedArray, words: Runs) -> pa.Table:
    """A table of schema ``TOKENS`` for the documents with these ids."""
    first = words.firsts.astype(np.int32)
    shift = np.repeat(words.origins[:-1], np.diff(first))
    columns = [
        ids.combine_chunks(),
        pa.ListArray.from_arrays(first, normalized(words)),
        pa.ListArray.from_arrays(first, (words.spans.starts - shift).astype(np.int32)),
        pa.ListArray.from_arrays(first, (words.spans.ends - shift).astype(np.int32)),
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


def is_unspaced(codes: Codes) -> Mask:
    """Which code points belong to a script that writes no spaces between words."""
    found: Mask = np.searchsorted(_UNSPACED_BOUNDS, codes, side="right") % 2 == 1
    return found


def _find_runs(codes: Codes, hidden: tuple[Positions, Positions]) -> Spans:
    """All runs of letters and digits in an array of code points, outside of ``hidden`` spans."""
    classes = _classify(codes)
    for start, end in zip(*(bounds.tolist() for bounds in hidden), strict=True):
        classes[start:end] = OTHER
    _attach_marks(classes)
    _join(classes)
    spaced = _runs((classes == LETTER) | (classes == DIGIT))
    return spaced if codes.dtype == np.uint8 else _merged(spaced, _runs(classes == UNSPACED))


def _classify(codes: Codes) -> npt.NDArray[np.uint8]:
    """The class of each code point; only the distinct ones are looked up in the Unicode database."""
    if codes.dtype == np.uint8:
        return np.frombuffer(bytearray(codes.tobytes()).translate(_ascii_classes()), np.uint8)
    table = np.zeros(int(codes.max(initial=0)) + 1, np.uint8)
    table[codes] = 1
    for code in np.flatnonzero(table):
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
    is_first = np.append(True, marks[1:] != marks[:-1] + 1)
    bases = marks[is_first][np.cumsum(is_first) - 1] - 1
    inherited = np.where(bases < 0, OTHER, classes[bases])
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


def _merged(first: Spans, second: Spans) -> Spans:
    """The spans of both, in reading order."""
    if not len(second):
        return first
    places = np.searchsorted(first.starts, second.starts)
    return Spans(np.insert(first.starts, places, second.starts), np.insert(first.ends, places, second.ends))


def normalized(words: Runs) -> pa.DictionaryArray:
    """Each word in its normalized form; Arrow encodes surfaces and folds those that are ASCII, Python the others."""
    spans = words.spans
    offsets = np.concatenate([[0], np.cumsum(spans.ends - spans.starts)])
    surfaces = _string_array(words.codes[_inside(spans, len(words.codes))], offsets).dictionary_encode()
    forms = _normalized_forms(surfaces.dictionary).dictionary_encode()
    return pa.DictionaryArray.from_arrays(forms.indices.take(surfaces.indices), forms.dictionary)


def _normalized_forms(surfaces: pa.StringArray) -> pa.StringArray:
    """``normalize`` of many words."""
    folded = pc.replace_substring_regex(pc.ascii_lower(surfaces), "'s$", "")
    is_other = pc.or_(pc.invert(pc.string_is_ascii(surfaces)), pc.equal(pc.binary_length(folded), 0))
    others = [normalize(surface) for surface in surfaces.filter(is_other).to_pylist()]
    return pc.replace_with_mask(folded, is_other, pa.array(others, pa.string()))


def _inside(spans: Spans, size: int) -> Mask:
    """Which of ``size`` positions are inside spans that do not overlap; one may begin where another ends."""
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
        long = np.flatnonzero(picked > 0x7F)
        more = np.cumsum(1 + (picked[long] > 0x7FF).astype(np.int64) + (picked[long] > 0xFFFF))
        offsets = offsets + np.append(0, more)[np.searchsorted(long, offsets)]
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets.astype(np.int32).tobytes()), pa.py_buffer(data)
    )
