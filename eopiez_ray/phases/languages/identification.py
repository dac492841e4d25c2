"""Which language a document is in.

ELD (Nito-ELD, "Efficient Language Detector") compares the byte n-grams of a text with those of 60 languages. A language
counts only where it stands out enough from the next one for the length of the text; else it is ``und`` (ISO 639-2,
"undetermined"), as it is for names, numbers and code. Of passages of four words from parliament speeches in English,
German, Spanish and Dutch, 97 % are given a language, and 99.7 % of these the right one; of ten words, nearly all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.schemas import TRAITS

UNDETERMINED = "und"
SIBLINGS = frozenset({"hi", "mr"})
"""Languages that share a script, which alone makes both probable: the better one counts, by however little."""
WORDS = 100
"""Of a document that are looked at, its first."""


def traits_of(content: pa.Table) -> pa.Table:
    """A table of schema ``TRAITS`` for the documents of a table of schema ``CONTENT``."""
    columns = [content.column("document_id"), identify(content), content.column("kind"), content.column("left_out")]
    return pa.table(columns, schema=TRAITS)


def identify(tokens: pa.Table) -> pa.StringArray:
    """The language of each document of a table of schema ``TOKENS``, ``(n,)``, as BCP 47 codes."""
    beginnings = pc.list_slice(tokens.column("tokens"), 0, WORDS).cast(pa.list_(pa.string()))
    texts = pc.binary_join(beginnings, " ").to_pylist()
    return pa.array(map(_detector(), texts), pa.string())


@functools.cache
def _detector() -> Callable[[str], str]:
    import eldc

    eldc.init()

    def language_of(text: str) -> str:
        found = eldc.detect_details(text)
        stands_out = found.reliable or set(sorted(found.scores, key=found.scores.get)[-2:]) == SIBLINGS
        return found.language if stands_out else UNDETERMINED

    return language_of
