"""What a report says: frozen values, the same for the page and for ``report.json`` (documented in docs/report.md)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = 1
"""Of ``report.json``."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A document that is typical of its theme."""

    document_id: str
    title: str
    """Its title, or its first words."""
    snippet: str
    """How it begins."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that a theme has significantly more documents of than others."""

    facet: str
    """``label``, ``source`` (a file of many documents) or ``language``."""
    value: str
    documents: int
    """Of the theme, with this value."""
    share: float
    """These over all documents of the theme."""
    times: float
    """This share over that of all documents."""


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme of the collection."""

    theme: int
    label: str
    terms: tuple[tuple[str, float], ...]
    """Best first, each with its weight (``themes.labels``)."""
    documents: int
    share: float
    """Of all documents, 0 to 1."""
    language: str
    """BCP 47; ``mul`` where it has several."""
    consistency: float
    """Mean over the sheaf's edges inside the theme, 0 to 1."""
    confidence: float
    """Mean over its documents, 0 to 1."""
    main_label: str | None
    """The label that most of its documents brought along, where documents have labels."""
    main_label_share: float
    differences: tuple[Difference, ...]
    """What it has more of than others, the most telling of each facet first."""
    exemplars: tuple[Exemplar, ...]


@dataclass(frozen=True, slots=True)
class Sheaf:
    """The cellular sheaf on the graph of neighbouring documents."""

    vertices: int
    edges: int
    sections_dimension: int
    """dim H⁰: independent ways in which all documents can agree."""
    euler_characteristic: int
    """dim C⁰ - dim C¹."""
    mean_consistency: float
    """Over all edges, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How sure the number of themes is."""

    agreement: float
    """Between the runs that the themes come from, 0 to 1."""
    alternatives: tuple[tuple[int, float], ...]
    """Other numbers of themes, each with its score over that of the chosen one, best first."""


@dataclass(frozen=True, slots=True)
class Motif:
    """A phrase that is used far more often than chance has it."""

    motif: str
    count: int
    documents: int
    c_value: float
    q_value: float
    category: str | None


@dataclass(frozen=True, slots=True)
class Category:
    """The motifs of one category of the lexicon."""

    category: str | None
    motifs: int
    occurrences: int


@dataclass(frozen=True, slots=True)
class Burst:
    """A time in which a theme was spoken of much more than usual."""

    theme: int
    first: int
    """Bin."""
    last: int
    """Bin."""
    documents: int
    expected: float
    """Documents of the theme in these bins, had it its usual share."""
    weight: float
    """How much more likely a burst makes these documents: the logarithm of the ratio of likelihoods."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Documents a theme over time."""

    unit: str
    """``hour``, ``day``, ``week``, ``month``, ``quarter``, ``year`` or ``decade``."""
    starts: tuple[datetime, ...]
    """Of the bins."""
    total: tuple[int, ...]
    """Documents in each bin."""
    themes: dict[int, tuple[int, ...]]
    """Theme to its documents in each bin."""
    bursts: tuple[Burst, ...]
    """Of all themes but -1, the weightiest first."""
    undated: int
    """Documents without a time."""
    outside: int
    """Documents whose time lies far from all others and is in no bin."""


@dataclass(frozen=True, slots=True)
class Ingestion:
    """What was read."""

    documents: int
    characters: int
    duplicates: int
    """Documents whose text another one, earlier in the collection, already had."""
    largest_duplicate_group: int
    empty: int
    """Documents without any text."""
    outliers: int
    """Documents that are unlike all others."""
    themeless: int
    """Documents without a known word, which belong to no theme."""
    rejects: int
    """Rows and files that could not be read."""
    reasons: tuple[tuple[str, int], ...]
    """Why, most frequent first."""
    left_out: tuple[tuple[str, int], ...]
    """Rows, lines and files that were passed over (blank lines, lines above a header …), most frequent first."""
    mended: tuple[tuple[str, int, str], ...]
    """What was read differently than it stands, in how many places, and where first; most frequent first."""
    formats: tuple[tuple[str, int], ...]
    """Documents by the ending of their file."""


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Documents that were passed on: the same as an earlier one, or nearly so."""

    documents: int
    """How many are near-copies of an earlier one, duplicates included."""
    groups: int
    largest: tuple[tuple[int, Exemplar], ...]
    """Of the largest groups: documents, and the first of them."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """What documents repeat rather than say: quoted, of headers and signatures, and boilerplate."""

    lines: int
    """Different lines that are boilerplate."""
    documents: int
    """Documents with words that were left out."""
    words: int
    """Words that were left out."""
    examples: tuple[tuple[str, int], ...]
    """Of boilerplate: a line, and the documents that have it, most frequent first."""


@dataclass(frozen=True, slots=True)
class Uninformative:
    """Documents that say nothing."""

    documents: int
    examples: tuple[tuple[str, int], ...]
    """What they say, and how many do, most frequent first."""


@dataclass(frozen=True, slots=True)
class FacetFacts:
    """What texts point at, of one kind."""

    facet: str
    """``domain``, ``mention``, ``hashtag`` or ``emoji``."""
    distinct: int
    """How many different ones there are."""
    top: tuple[tuple[str, int, int], ...]
    """Those in most documents, each with its documents and occurrences."""


@dataclass(frozen=True, slots=True)
class Compression:
    """The archive."""

    file: str
    documents: int
    blocks: int
    text_bytes: int
    stored_bytes: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Table:
    """A Parquet file beside the report."""

    file: str
    rows: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of the run took."""

    name: str
    partitions: int
    rows: int
    cached: int
    wall_s: float
    """Summed over its tasks."""
    cpu_s: float
    begin_s: float
    """After the start of the run."""
    end_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows, except for the points of the map."""

    title: str
    created_at: datetime
    elapsed_s: float
    """From the first task to the report."""
    ingestion: Ingestion
    languages: tuple[tuple[str, int], ...]
    """Documents by BCP 47 code, most frequent first; ``und`` where the language cannot be told."""
    boilerplate: Repetition
    uninformative: Uninformative
    copies: NearCopies
    facets: tuple[FacetFacts, ...]
    """Those of which there are any."""
    themes: tuple[Theme, ...]
    """Largest first."""
    consistency: float
    """Mean over all documents that have a theme."""
    sheaf: Sheaf | None
    choice: Choice | None
    motifs: tuple[Motif, ...]
    """The best ones."""
    motif_count: int
    categories: tuple[Category, ...]
    timeline: Timeline | None
    compression: Compression | None
    tables: tuple[Table, ...]
    steps: tuple[Step, ...]

    @property
    def documents_a_second(self) -> float:
        """Documents over the elapsed time; 0 if that is not known."""
        return self.ingestion.documents / self.elapsed_s if self.elapsed_s else 0.0

    def to_value(self) -> dict[str, Any]:
        """The report as JSON values."""
        plain = {"version": VERSION, **asdict(self), "documents_a_second": self.documents_a_second}
        return _jsonable(plain)  # type: ignore[no-any-return]


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
