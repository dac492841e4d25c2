"""Words in scripts that write no spaces between them: Chinese, Japanese, Thai, Lao, Khmer, Burmese.

ICU's word break iterator finds them with its dictionaries (ICU User Guide, "Boundary Analysis"): Chinese and Japanese
text is cut into the words that are most probable together, all others into the words that leave the fewest characters
unexplained, looking three words ahead. What no dictionary knows becomes words of its own.

A run of characters is cut without its surroundings, so its words do not depend on what else is in the document.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]
Positions = npt.NDArray[np.int64]

LOCALE = "root"
"""Of the rules; the script chooses the dictionary."""
SEPARATOR = ord("\n")
CHARACTERS = 100_000
"""Of runs that are cut in one go, about."""
_ASTRAL = 0xFFFF
"""Code points above take two units of UTF-16, in which ICU counts."""


def cut_runs(codes: Codes, starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
    """The starts and ends of the words in some runs of code points, in order; together, words cover the runs.

    Args:
        codes: the code points of a text, ``(n,)``, without surrogates.
        starts: where the runs begin, ``(n_runs,)``, ascending.
        ends: where they end, ``(n_runs,)``; no run reaches into the next.
    """
    batch = np.cumsum(ends - starts) // CHARACTERS
    limits = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(starts)]
    parts = [_begins(codes, starts[low:high], ends[low:high]) for low, high in itertools.pairwise(limits)]
    begins = np.concatenate(parts)
    run_ends = ends[np.searchsorted(starts, begins, side="right") - 1]
    return begins, np.minimum(np.append(begins[1:], len(codes)), run_ends)


def _begins(codes: Codes, starts: Positions, ends: Positions) -> Positions:
    """Where the words of the runs begin."""
    from icu4py.breakers import WordBreaker

    lengths = ends - starts
    limits = np.cumsum(lengths)
    places = np.arange(lengths.sum()) + np.repeat(starts - (limits - lengths), lengths)
    joined = np.insert(codes[places].astype(np.uint32), limits, SEPARATOR)
    breaker = WordBreaker(joined.tobytes().decode("utf-32-le"), LOCALE)
    units = np.fromiter((start for start, _ in breaker.segments()), np.int64)
    found = np.insert(places, limits, -1)[_characters(joined, units)]
    return found[found >= 0]


def _characters(codes: Codes, units: Positions) -> Positions:
    """Positions in UTF-16 as positions in code points."""
    if codes.max(initial=0) <= _ASTRAL:
        return units
    return np.searchsorted(np.cumsum(1 + (codes > _ASTRAL)), units, side="right")
