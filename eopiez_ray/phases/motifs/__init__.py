"""Motifs: sequences of words that occur together far more often than by chance.

``count_ngrams`` (map) → ``merge_ngrams`` (reduce) → ``select_motifs`` (reduce) → ``locate_motifs`` (map).
"""

from eopiez_ray.phases.motifs.lexicon import Lexicon
from eopiez_ray.phases.motifs.locating import OCCURRENCES, locate_motifs
from eopiez_ray.phases.motifs.ngrams import NgramCounts, count_ngrams, merge_ngrams
from eopiez_ray.phases.motifs.selection import MOTIFS, Selection, select_motifs

__all__ = [
    "MOTIFS",
    "OCCURRENCES",
    "Lexicon",
    "NgramCounts",
    "Selection",
    "count_ngrams",
    "locate_motifs",
    "merge_ngrams",
    "select_motifs",
]
