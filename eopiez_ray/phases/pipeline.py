"""The ready-made plan: ingest → motifs → vectors → themes → compress → report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import get_args

from eopiez_ray.authoring.plans.builder import Plan, StepHandle
from eopiez_ray.errors import ParameterError
from eopiez_ray.phases.compression.codecs import Effort
from eopiez_ray.phases.compression.steps import compress_archive, compress_blocks, compress_sample, compress_train
from eopiez_ray.phases.copies.steps import copies_group, copies_sign
from eopiez_ray.phases.facets.steps import facets_count, facets_merge
from eopiez_ray.phases.io.files import portable
from eopiez_ray.phases.io.options import ReadOptions
from eopiez_ray.phases.io.steps import (
    ingest_boilerplate,
    ingest_duplicates,
    ingest_lines,
    ingest_read,
    ingest_tokens,
    ingest_traits,
)
from eopiez_ray.phases.motifs.lexicon import Lexicon
from eopiez_ray.phases.motifs.selection import Selection
from eopiez_ray.phases.motifs.steps import motifs_count, motifs_locate, motifs_select
from eopiez_ray.phases.report.steps import report_page, report_tables
from eopiez_ray.phases.themes.communities import SEEDS
from eopiez_ray.phases.themes.steps import (
    themes_count,
    themes_gather,
    themes_graph,
    themes_label,
    themes_name,
    themes_near,
    themes_search,
    themes_settle,
    themes_spell,
)
from eopiez_ray.phases.themes.subject import ThemeOptions
from eopiez_ray.phases.vectors.hybrid import Provider
from eopiez_ray.phases.vectors.neighbours import PARTS
from eopiez_ray.phases.vectors.steps import vectors_embed, vectors_fit, vectors_index, vectors_sketch

ARCHIVE = "collection.eopz"
"""Name of the archive in the output folder."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What a user can choose; the defaults work on any collection."""

    name: str = "pipeline"
    """Name of the plan."""
    title: str = "Collection"
    """Title of the report."""
    read: ReadOptions = field(default_factory=ReadOptions)
    max_rejects: float = 0.5
    """Share of unreadable rows and files above which the run fails."""
    motifs: Selection = field(default_factory=Selection)
    lexicon: str | None = None
    """Categories of motifs as YAML text (``Lexicon.load`` describes the form); None takes the built-in ones."""
    provider: Provider = "hybrid"
    dimensions: int = 256
    """Dimensions of the vectors, 2 to 1,024."""
    themes: ThemeOptions = field(default_factory=ThemeOptions)
    keep_boilerplate: bool = False
    """Whether quoted replies, signatures, boilerplate and answers that say nothing count as words."""
    near_copies: float = 0.7
    """Resemblance from which two documents are near-copies, above 0 and at most 1."""
    across_languages: bool = False
    """Whether a theme can have documents in several languages."""
    copies_once: bool = False
    """Whether near-copies count as one document when themes are looked for."""
    effort: Effort = Effort.NORMAL
    """Options of compression."""

    def __post_init__(self) -> None:
        if not 0 <= self.max_rejects <= 1:
            raise ParameterError(f"max_rejects is {self.max_rejects}; it must be a share between 0 and 1")
        if self.provider not in get_args(Provider):
            raise ParameterError(f"no vectors are named {self.provider!r}; choose {', '.join(get_args(Provider))}")
        if not 2 <= self.dimensions <= 1024:
            raise ParameterError(f"dimensions is {self.dimensions}; it must be from 2 to 1,024")
        if not 0 < self.near_copies <= 1:
            raise ParameterError(f"near_copies is {self.near_copies}; it must be above 0 and at most 1")
        if self.lexicon is not None:
            Lexicon.parse(self.lexicon, "lexicon")


def content_plan(inputs: Sequence[str], output: str | Path, options: PipelineOptions | None = None) -> Plan:
    """The plan that reads ``inputs``, finds their motifs and themes, and writes results to the folder ``output``.

    Inputs are files, folders and glob patterns as the workers see them: give absolute paths.

    Raises:
        ParameterError: there are no inputs, or an option is invalid.
    """
    if not inputs:
        raise ParameterError("name at least one file or folder to read")
    options = options or PipelineOptions()
    folder = Path(output)
    plan = Plan(options.name)

    read = plan.step(
        "ingest.read", ingest_read, inputs=[portable(each) for each in inputs], options=asdict(options.read)
    )
    plan.tune(read, max_rejects=options.max_rejects)

    # Of several ready steps, the engine takes the last one first. Themes take longest, so their steps come last.
    duplicates = plan.step("ingest.duplicates", ingest_duplicates, read)
    pointers = plan.step("facets.count", facets_count, read)
    facets = plan.step("facets.merge", facets_merge, pointers)
    samples = plan.step("compress.sample", compress_sample, read)
    codebook = plan.step("compress.train", compress_train, samples, effort=options.effort)
    blocks = plan.step("compress.blocks", compress_blocks, read, codebook)
    archive = plan.step("compress.archive", compress_archive, blocks, codebook, path=str(folder / ARCHIVE))

    lines = plan.step("ingest.lines", ingest_lines, read)
    boilerplate = plan.step("ingest.boilerplate", ingest_boilerplate, lines)
    tokens = plan.step("ingest.tokens", ingest_tokens, read, boilerplate, keep=options.keep_boilerplate)
    signed = plan.step("copies.sign", copies_sign, tokens)
    copies = plan.step("copies.group", copies_group, signed, least=options.near_copies)

    counts = plan.step("motifs.count", motifs_count, tokens)
    motifs = plan.step(
        "motifs.select", motifs_select, counts, selection=asdict(options.motifs), lexicon=options.lexicon
    )
    occurrences = plan.step("motifs.locate", motifs_locate, tokens, motifs)

    traits = plan.step("ingest.traits", ingest_traits, tokens)
    sketches = plan.step("vectors.sketch", vectors_sketch, tokens)
    model = plan.step("vectors.fit", vectors_fit, sketches, provider=options.provider, dimensions=options.dimensions)
    vectors = plan.step("vectors.embed", vectors_embed, tokens, model)
    plan.step("vectors.index", vectors_index, vectors)

    once = [copies] if options.copies_once else []
    found = _find_themes(plan, options, vectors, traits, *once)
    by_theme = plan.step("themes.count", themes_count, tokens, occurrences, found)
    named = plan.step("themes.name", themes_name, by_theme, motifs, found)
    spellings = plan.step("themes.spell", themes_spell, read, tokens, occurrences, named, found)
    themes = plan.step("themes.label", themes_label, spellings, named, found)

    told = (read, traits, copies, facets, motifs, occurrences, vectors, found, themes)
    tables = plan.step("report.tables", report_tables, *told, output=str(folder))
    given = (read, traits, boilerplate, duplicates, copies, facets, motifs, found, themes, archive, tables)
    plan.step("report.page", report_page, *given, output=str(folder), title=options.title)
    return plan


def _find_themes(
    plan: Plan, options: PipelineOptions, vectors: StepHandle, traits: StepHandle, *copies: StepHandle
) -> StepHandle:
    """The steps from vectors to the theme of each document; the longest of them are done in parts."""
    subject = plan.step(
        "themes.gather", themes_gather, vectors, traits, *copies,
        options=asdict(options.themes), across_languages=options.across_languages,
    )  # fmt: skip
    near = plan.step("themes.near", themes_near, plan.values("themes.parts", range(PARTS)), subject)
    graph = plan.step("themes.graph", themes_graph, near, subject)
    searches = plan.step("themes.search", themes_search, plan.values("themes.seeds", range(SEEDS)), subject, graph)
    return plan.step("themes.find", themes_settle, searches, subject, graph, vectors, traits, *copies)
