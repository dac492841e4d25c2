"""Themes as Arrow tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.errors import ContractError
from eopiez_ray.phases.languages.identification import UNDETERMINED
from eopiez_ray.phases.schemas import ASSIGNMENTS, THEMES
from eopiez_ray.phases.themes.finding import FoundThemes, ThemeFacts
from eopiez_ray.phases.themes.languages import languages_of_themes
from eopiez_ray.phases.themes.naming import NamedTheme
from eopiez_ray.phases.themes.spelling import Spellings

_METADATA = b"eopiez.themes"


@dataclass(frozen=True, slots=True)
class Themes:
    """The themes of a collection before they have labels."""

    assignments: pa.Table
    """Of schema ``ASSIGNMENTS``, one row a document."""
    consistency: tuple[float, ...]
    """Of each theme, the mean over the edges inside it."""
    exemplars: tuple[tuple[str, ...], ...]
    """Of each theme, the ids of its most typical documents, best first."""
    languages: tuple[str, ...]
    """Of each theme (``languages``)."""
    facts: ThemeFacts

    @classmethod
    def of(cls, ids: pa.StringArray, found: FoundThemes, languages: pa.StringArray | None = None) -> Themes:
        """The themes with documents by their ids ``(n,)`` and languages ``(n,)``."""
        known = pa.array([UNDETERMINED] * len(ids), pa.string()) if languages is None else languages
        spoken = languages_of_themes(known, found.themes, len(found.theme_consistency))
        exemplars = tuple(tuple(ids.take(pa.array(rows, pa.int64())).to_pylist()) for rows in found.exemplars)
        belonging = [found.themes, found.confidence, found.seconds, found.second_confidence, found.outliers]
        columns = [*belonging, found.consistency, *found.positions.T]
        arrays = [ids, *(pa.array(np.ascontiguousarray(column)) for column in columns)]
        assignments = pa.table(arrays, schema=ASSIGNMENTS)
        return cls(assignments, tuple(map(float, found.theme_consistency)), exemplars, spoken, found.facts)

    @classmethod
    def from_table(cls, table: pa.Table) -> Themes:
        """The themes that ``to_table`` described.

        Raises:
            ContractError: the table does not say what it must.
        """
        stored = (table.schema.metadata or {}).get(_METADATA)
        if stored is None:
            raise ContractError("the table has assignments without the facts of their themes; take it from themes.find")
        value = json.loads(stored)
        exemplars = tuple(map(tuple, value["exemplars"]))
        alternatives = tuple((number, share) for number, share in value["facts"].pop("alternatives"))
        facts = ThemeFacts(**value["facts"], alternatives=alternatives)
        return cls(table, tuple(value["consistency"]), exemplars, tuple(value["languages"]), facts)

    def to_table(self) -> pa.Table:
        """The assignments, with all else as JSON in the metadata of the schema."""
        value = {
            "consistency": self.consistency,
            "exemplars": self.exemplars,
            "languages": self.languages,
            "facts": asdict(self.facts),
        }
        return self.assignments.replace_schema_metadata({_METADATA: json.dumps(value)})

    @property
    def n_themes(self) -> int:
        return len(self.consistency)

    def of_documents(self, ids: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int32]:
        """The themes of some documents, ``(n,)``.

        Raises:
            ContractError: a document is not among those that the themes were found in.
        """
        rows = pc.index_in(ids, self.assignments.column("document_id"))
        if rows.null_count:
            raise ContractError("the themes were found in other documents; both must come from one collection")
        taken = self.assignments.column("theme").take(rows)
        found: npt.NDArray[np.int32] = taken.to_numpy().astype(np.int32)
        return found


def themes_table(themes: Themes, named: Sequence[NamedTheme], spellings: Spellings) -> pa.Table:
    """A table of schema ``THEMES``, with names as they are written in the documents."""
    members = themes.assignments.column("theme").to_numpy()
    sizes = np.bincount(members[members >= 0], minlength=themes.n_themes)
    labels = _told_apart(spellings.label(*theme) for theme in zip(named, themes.exemplars, strict=True))
    columns = [
        list(range(themes.n_themes)),
        labels,
        [[spellings.of((term,)) for term in theme.terms] for theme in named],
        [theme.weights for theme in named],
        sizes.tolist(),
        list(themes.languages),
        list(themes.consistency),
        [list(ids) for ids in themes.exemplars],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, THEMES, strict=True)]
    return pa.table(arrays, schema=THEMES)


def _told_apart(labels: Iterable[str]) -> list[str]:
    """The labels, numbered where there is none or where an earlier theme has the same."""
    seen: Counter[str] = Counter()
    found = []
    for theme, label in enumerate(labels):
        seen[label] += 1
        found.append(f"{label} ({seen[label]})" if label and seen[label] > 1 else label or f"theme {theme}")
    return found
