"""What documents repeat rather than say: quoted replies, signatures, headers, and lines that many documents share."""

from eopiez_ray.phases.boilerplate.answers import is_punctuation, say_nothing
from eopiez_ray.phases.boilerplate.content import DocumentKind, all_words, own_words, repeated_lines
from eopiez_ray.phases.boilerplate.lines import Lines, lines_of
from eopiez_ray.phases.boilerplate.quoting import are_quoted
from eopiez_ray.phases.boilerplate.repeating import Boilerplate, LineCounts, count_lines, find_boilerplate

__all__ = [
    "Boilerplate",
    "DocumentKind",
    "LineCounts",
    "Lines",
    "all_words",
    "are_quoted",
    "count_lines",
    "find_boilerplate",
    "is_punctuation",
    "lines_of",
    "own_words",
    "repeated_lines",
    "say_nothing",
]
