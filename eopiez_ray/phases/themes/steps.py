"""The phases of themes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.contract import Partitions, phase
from eopiez_ray.phases.copies.tables import copies_of
from eopiez_ray.phases.themes.counting import ThemeCounts, count_by_theme, merge_theme_counts
from eopiez_ray.phases.themes.finding import ThemeOptions, find_themes
from eopiez_ray.phases.themes.languages import separate
from eopiez_ray.phases.themes.naming import NamedTheme, name_themes
from eopiez_ray.phases.themes.once import find_themes_once
from eopiez_ray.phases.themes.spelling import Spellings, spell
from eopiez_ray.phases.themes.tables import Themes, themes_table
from eopiez_ray.phases.vectors.tables import gather_vectors


@phase(name="themes_find", kind="reduce")
def themes_find(
    vectors: Partitions[pa.Table],
    traits: Partitions[pa.Table],
    *copies: pa.Table,
    options: dict[str, Any] | None = None,
    across_languages: bool = False,
) -> pa.Table:
    """The theme of each document and its place on the map, a table of schema ``ASSIGNMENTS``.

    ``Themes.from_table`` reads what else it contains: exemplars, consistency, and measurements.

    Args:
        vectors: partitions of the documents' vectors.
        traits: partitions of schema ``TRAITS``, of the same documents.
        copies: at most one table of schema ``COPIES``; with it, near-copies count once.
        options: fields of ``ThemeOptions``; an exact number of themes is that of all languages together.
        across_languages: whether a theme can have documents in several languages.
    """
    ids, gathered = gather_vectors(vectors)
    languages = pa.concat_arrays([pa.array(table.column("language").to_pylist(), pa.string()) for table in traits])
    chosen = ThemeOptions(**(options or {}))
    groups = None if across_languages or chosen.themes is not None else separate(languages)
    if copies:
        found = find_themes_once(gathered, copies_of(copies[0]), chosen, groups)
    else:
        found = find_themes(gathered, chosen, groups)
    return Themes.of(ids, found, languages).to_table()


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
