"""The phases of themes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.copies.tables import copies_of
from eopiez_ray.phases.themes.communities import SEEDS
from eopiez_ray.phases.themes.counting import ThemeCounts, count_by_theme, merge_theme_counts
from eopiez_ray.phases.themes.finding import Search, search_themes, settle_themes
from eopiez_ray.phases.themes.graph import DocumentGraph
from eopiez_ray.phases.themes.languages import separate
from eopiez_ray.phases.themes.naming import NamedTheme, name_themes
from eopiez_ray.phases.themes.once import firsts, with_copies
from eopiez_ray.phases.themes.spelling import Spellings, spell
from eopiez_ray.phases.themes.subject import Subject, ThemeOptions
from eopiez_ray.phases.themes.tables import Themes, themes_table
from eopiez_ray.phases.vectors.neighbours import PARTS, Part
from eopiez_ray.phases.vectors.tables import gather_vectors


@phase(name="themes_gather", kind="reduce")
def themes_gather(
    vectors: Partitions[pa.Table],
    traits: Partitions[pa.Table],
    *copies: pa.Table,
    options: dict[str, Any] | None = None,
    across_languages: bool = False,
) -> Subject:
    """The documents in which themes are looked for.

    Args:
        vectors: partitions of the documents' vectors.
        traits: partitions of schema ``TRAITS``, of the same documents.
        copies: at most one table of schema ``COPIES``; with it, near-copies count once.
        options: fields of ``ThemeOptions``; an exact number of themes is that of all languages together.
        across_languages: whether a theme can have documents in several languages.
    """
    _, gathered = gather_vectors(vectors)
    chosen = ThemeOptions(**(options or {}))
    groups = None if across_languages or chosen.themes is not None else separate(_languages(traits))
    if copies:
        kept = firsts(copies_of(copies[0]))
        return Subject.of(gathered[kept], chosen, None if groups is None else groups[kept])
    return Subject.of(gathered, chosen, groups)


@phase(name="themes_near", kind="map", keeps_inputs=True)
def themes_near(part: int, subject: Subject) -> Part:
    """The nearest neighbours of one of ``PARTS`` parts of the documents."""
    return subject.comparison.part(subject.vectors, part)


@phase(name="themes_graph", kind="reduce", keeps_inputs=True)
def themes_graph(near: Partitions[Part], subject: Subject) -> DocumentGraph:
    """The graph of the documents and its weights, which come from the sheaf on it."""
    return DocumentGraph.of(subject, near)


@phase(name="themes_search", kind="map", keeps_inputs=True)
def themes_search(seed: int, subject: Subject, graph: DocumentGraph) -> Search:
    """One of ``SEEDS`` searches for communities."""
    return search_themes(subject, graph, seed)


@phase(name="themes_settle", kind="reduce", keeps_inputs=True)
def themes_settle(
    searches: Partitions[Search],
    subject: Subject,
    graph: DocumentGraph,
    vectors: Partitions[pa.Table],
    traits: Partitions[pa.Table],
    *copies: pa.Table,
) -> pa.Table:
    """The theme of each document and its place on the map, a table of schema ``ASSIGNMENTS``.

    ``Themes.from_table`` reads what else it contains: exemplars, consistency, and measurements.

    Args:
        searches: of all seeds.
        subject: the documents.
        graph: of these.
        vectors: partitions of the documents' vectors, for their ids.
        traits: partitions of schema ``TRAITS``, of the same documents.
        copies: the table that ``subject`` was gathered with, if any.
    """
    found = settle_themes(subject, graph, [*searches])
    if copies:
        found = with_copies(found, copies_of(copies[0]))
    ids = pa.concat_arrays([_strings(table.column("document_id")) for table in vectors])
    return Themes.of(ids, found, _languages(traits)).to_table()


def _languages(traits: Partitions[pa.Table]) -> pa.StringArray:
    return pa.concat_arrays([_strings(table.column("language")) for table in traits])


def _strings(column: pa.ChunkedArray) -> pa.StringArray:
    """A copy, which lets go of the table."""
    return pa.array(column.to_pylist(), pa.string())


@phase(name="themes_find", kind="reduce")
def themes_find(
    vectors: Partitions[pa.Table],
    traits: Partitions[pa.Table],
    *copies: pa.Table,
    options: dict[str, Any] | None = None,
    across_languages: bool = False,
) -> pa.Table:
    """All of this in one task, for workflows of earlier versions, whose plans have it so.

    ``themes_gather`` says what is given, ``themes_settle`` what comes of it.
    """
    subject = themes_gather(vectors, traits, *copies, options=options, across_languages=across_languages)
    graph = themes_graph([themes_near(part, subject) for part in range(PARTS)], subject)
    searches = [themes_search(seed, subject, graph) for seed in range(SEEDS)]
    return themes_settle(searches, subject, graph, vectors, traits, *copies)


@phase(name="themes_count", kind="map")
def themes_count(tokens: pa.Table, occurrences: pa.Table, assignments: pa.Table) -> ThemeCounts:
    """How often each word and each motif occurs in each theme in a partition."""
    themes = Themes.from_table(assignments)
    of_documents = themes.of_documents(tokens.column("document_id"))
    return count_by_theme(tokens, of_documents, themes.n_themes, occurrences)


@phase(name="themes_name", kind="reduce")
def themes_name(counts: Partitions[ThemeCounts], motifs: pa.Table, assignments: pa.Table) -> list[NamedTheme]:
    """The words and phrases that tell each theme from the others, normalized."""
    themes = Themes.from_table(assignments)
    return name_themes(merge_theme_counts(counts, themes.n_themes), motifs, themes.languages)


@phase(name="themes_spell", kind="map")
def themes_spell(
    documents: pa.Table, tokens: pa.Table, occurrences: pa.Table, named: list[NamedTheme], assignments: pa.Table
) -> Spellings:
    """How these words and phrases are written in a partition."""
    exemplars = Themes.from_table(assignments).exemplars
    nameless = [each for theme, ids in zip(named, exemplars, strict=True) if not theme.names for each in ids]
    return spell(documents, tokens, occurrences, named, nameless)


@phase(name="themes_label", kind="reduce")
def themes_label(spellings: Partitions[Spellings], named: list[NamedTheme], assignments: pa.Table) -> pa.Table:
    """The themes with their labels, a table of schema ``THEMES``."""
    return themes_table(Themes.from_table(assignments), named, Spellings.merged(spellings))
