"""From the run's results to the facts of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from eopiez_ray.phases.report.collection import Collected, collect
from eopiez_ray.phases.report.differences import differences
from eopiez_ray.phases.report.facts import (
    Category,
    Choice,
    Compression,
    Exemplar,
    FacetFacts,
    Ingestion,
    Motif,
    NearCopies,
    Repetition,
    Report,
    Sheaf,
    Step,
    Table,
    Theme,
    Uninformative,
)
from eopiez_ray.phases.report.map import Map, sample_positions
from eopiez_ray.phases.report.tables import TableFacts, described, parts_of
from eopiez_ray.phases.report.timeline import make_timeline

if TYPE_CHECKING:
    from eopiez_ray.model.tasks import StepSummary
    from eopiez_ray.phases.boilerplate import Boilerplate
    from eopiez_ray.phases.compression import ArchiveFacts
    from eopiez_ray.phases.io.duplicates import Duplicates
    from eopiez_ray.phases.themes.finding import ThemeFacts

SHOWN_MOTIFS = 60
SHOWN_EXEMPLARS = 3
SHOWN_COPIES = 5
SHOWN_VALUES = 20
SHOWN_LINES = 10
SHOWN_ANSWERS = 10
SHOWN_FORMATS = 8


@dataclass(frozen=True, slots=True)
class Results:
    """What the steps before the report have left."""

    documents: Any
    """Tables of schema ``DOCUMENTS``."""
    traits: Any
    """Tables of schema ``TRAITS``, of the same documents."""
    boilerplate: Boilerplate
    duplicates: Duplicates
    copies: pa.Table
    """Of schema ``COPIES``."""
    facets: pa.Table
    """Of schema ``FACETS``."""
    motifs: pa.Table
    assignments: Any
    """One table of schema ``ASSIGNMENTS``, or partitions of it."""
    themes: pa.Table
    sheaf: ThemeFacts | None = None
    archive: ArchiveFacts | None = None
    tables: tuple[TableFacts, ...] = ()
    steps: Sequence[StepSummary] = ()
    reasons: tuple[tuple[str, int], ...] = ()


def gather(results: Results, title: str, now: datetime) -> tuple[Report, Map]:
    """The facts of a report, and its map. Memory holds one partition of documents and 32 bytes for each of them.

    Raises:
        ContractError: documents and assignments do not belong together.
    """
    assignments = pa.concat_tables(parts_of(results.assignments)).combine_chunks()
    themes = assignments.column("theme").to_numpy()
    sampled = sample_positions(len(themes))
    rows = results.themes.to_pylist()
    passed_on = most_copied(results.copies, SHOWN_COPIES)
    shown = {identity for row in rows for identity in row["exemplars"][:SHOWN_EXEMPLARS]} | passed_on.keys()
    collected = collect(described(results.documents, results.traits), themes, sampled, shown)
    places = assignments.take(pa.array(sampled))
    points = Map(
        len(themes),
        places.column("x").to_numpy(),
        places.column("y").to_numpy(),
        places.column("theme").to_numpy(),
        tuple(collected.titles),
    )
    times = np.concatenate([np.zeros(0, "datetime64[us]"), *collected.times])
    steps = tuple(_steps(results.steps))
    report = Report(
        title=title,
        created_at=now,
        elapsed_s=max((step.end_s for step in steps), default=0.0),
        ingestion=_ingestion(
            collected, results, int((themes < 0).sum()), int(assignments.column("is_outlier").to_numpy().sum())
        ),
        languages=tuple(collected.languages.most_common()),
        boilerplate=_repetition(collected, results.boilerplate),
        uninformative=Uninformative(
            collected.uninformative,
            tuple((collected.spellings[said], count) for said, count in collected.answers.most_common(SHOWN_ANSWERS)),
        ),
        copies=_near_copies(results.copies, passed_on, collected),
        facets=tuple(_facets(results.facets)),
        themes=tuple(_themes(rows, assignments, collected)),
        consistency=_mean(assignments.filter(pc.field("theme") >= 0), "consistency"),
        sheaf=_sheaf(results.sheaf),
        choice=_choice(results.sheaf),
        motifs=tuple(_motifs(results.motifs.slice(0, SHOWN_MOTIFS))),
        motif_count=results.motifs.num_rows,
        categories=tuple(_categories(results.motifs)),
        timeline=make_timeline(times, themes),
        compression=_compression(results.archive),
        tables=tuple(Table(facts.path, facts.rows, facts.stored_bytes) for facts in results.tables),
        steps=steps,
    )
    return report, points


def _themes(rows: Iterable[dict[str, Any]], assignments: pa.Table, collected: Collected) -> Iterable[Theme]:
    confidences = dict(
        zip(*assignments.group_by("theme").aggregate([("confidence", "mean")]).to_pydict().values(), strict=True)
    )
    sizes = Counter(assignments.column("theme").to_pylist())
    telling = [differences(facet, counts, sizes) for facet, counts in collected.groups.items()]
    for row in rows:
        theme, documents = row["theme"], row["documents"]
        label, labelled = _main_label(theme, collected)
        yield Theme(
            theme=theme,
            label=row["label"],
            terms=tuple(zip(row["terms"], row["weights"], strict=True)),
            documents=documents,
            share=documents / max(1, collected.documents),
            language=row["language"],
            consistency=row["consistency"],
            confidence=confidences.get(theme) or 0.0,
            main_label=label,
            main_label_share=labelled / max(1, documents),
            differences=tuple(each for facet in telling for each in facet.get(theme, ())),
            exemplars=tuple(
                collected.exemplars.get(identity, Exemplar(identity, identity, ""))
                for identity in row["exemplars"][:SHOWN_EXEMPLARS]
            ),
        )


def _main_label(theme: int, collected: Collected) -> tuple[str | None, int]:
    own = [(count, label) for (other, label), count in collected.groups["label"].items() if other == theme]
    count, label = max(own, key=lambda item: (item[0], item[1]), default=(0, None))
    return label, count


def _motifs(motifs: pa.Table) -> Iterable[Motif]:
    names = ["motif", "count", "documents", "c_value", "q_value", "category"]
    return (Motif(**row) for row in motifs.select(names).to_pylist())


def _categories(motifs: pa.Table) -> Iterable[Category]:
    grouped = motifs.group_by("category").aggregate([([], "count_all"), ("count", "sum")]).to_pylist()
    found = [Category(row["category"], row["count_all"], row["count_sum"]) for row in grouped]
    return sorted(found, key=lambda each: (each.category is None, -each.motifs, each.category or ""))


def _ingestion(collected: Collected, results: Results, themeless: int, outliers: int) -> Ingestion:
    formats = collected.formats.most_common()
    rest = sum(count for _, count in formats[SHOWN_FORMATS:])
    return Ingestion(
        documents=collected.documents,
        characters=collected.characters,
        duplicates=results.duplicates.documents,
        largest_duplicate_group=results.duplicates.largest_group,
        empty=collected.empty,
        outliers=outliers,
        themeless=themeless,
        rejects=sum(step.rejects for step in results.steps),
        reasons=results.reasons,
        left_out=results.duplicates.left_out,
        mended=results.duplicates.mended,
        formats=(*formats[:SHOWN_FORMATS], *((("others", rest),) if rest else ())),
    )


def most_copied(copies: pa.Table, count: int) -> dict[str, int]:
    """The ids of the documents that most others are near-copies of, largest groups first, and the groups' sizes."""
    largest = copies.filter((pc.field("group") >= 0) & (pc.field("group") < count))
    sizes = largest.group_by(["group", "first"]).aggregate([([], "count_all")]).sort_by("group")
    return dict(zip(sizes.column("first").to_pylist(), sizes.column("count_all").to_pylist(), strict=True))


def _near_copies(copies: pa.Table, passed_on: dict[str, int], collected: Collected) -> NearCopies:
    groups = copies.column("group").to_numpy()
    count = int(groups.max(initial=-1)) + 1
    return NearCopies(
        documents=int((groups >= 0).sum()) - count,
        groups=count,
        largest=tuple(
            (size, collected.exemplars.get(identity, Exemplar(identity, identity, "")))
            for identity, size in passed_on.items()
        ),
    )


def _repetition(collected: Collected, boilerplate: Boilerplate) -> Repetition:
    return Repetition(
        len(boilerplate.keys), collected.shortened, collected.left_out, boilerplate.examples[:SHOWN_LINES]
    )


def _facets(table: pa.Table) -> Iterable[FacetFacts]:
    for facet in pc.unique(table.column("facet")).to_pylist():
        values = table.filter(pc.field("facet") == facet).drop_columns(["facet"])
        top = values.slice(0, SHOWN_VALUES).to_pydict().values()
        yield FacetFacts(facet, values.num_rows, tuple(zip(*top, strict=True)))


def _sheaf(facts: ThemeFacts | None) -> Sheaf | None:
    if facts is None:
        return None
    return Sheaf(
        facts.vertices, facts.edges, facts.sections_dimension, facts.euler_characteristic, facts.mean_consistency
    )


def _choice(facts: ThemeFacts | None) -> Choice | None:
    return None if facts is None else Choice(facts.agreement, facts.alternatives)


def _compression(archive: ArchiveFacts | None) -> Compression | None:
    if archive is None:
        return None
    return Compression(
        PurePath(archive.path).name,
        archive.documents,
        archive.blocks,
        archive.text_bytes,
        archive.stored_bytes,
        archive.ratio,
    )


def _steps(summaries: Sequence[StepSummary]) -> Iterable[Step]:
    begun = [step.started_at for step in summaries if step.started_at]
    origin = min(begun, default=0.0)
    for step in summaries:
        if step.started_at and step.partitions:
            yield Step(
                step.name,
                step.partitions,
                step.rows,
                step.cached,
                step.wall_s,
                step.cpu_s,
                step.started_at - origin,
                max(step.started_at, step.finished_at) - origin,
            )


def _mean(table: pa.Table, column: str) -> float:
    return pc.mean(table.column(column)).as_py() or 0.0


def utc_now() -> datetime:
    """The time at which a report is made."""
    return datetime.now(UTC)
