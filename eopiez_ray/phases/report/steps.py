"""The report as steps of a plan: two sinks that write whole files under the output folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from eopiez_ray.authoring.context import current_task
from eopiez_ray.authoring.contract import phase
from eopiez_ray.phases.boilerplate import Boilerplate
from eopiez_ray.phases.compression import ArchiveFacts
from eopiez_ray.phases.io.duplicates import Duplicates
from eopiez_ray.phases.report.files import write_text
from eopiez_ray.phases.report.gathering import Results, gather, utc_now
from eopiez_ray.phases.report.page import render
from eopiez_ray.phases.report.tables import TableFacts, described, write_tables
from eopiez_ray.phases.themes.tables import Themes


@phase(name="report_tables", version="1", kind="sink")
def report_tables(
    documents: Any,
    traits: Any,
    copies: pa.Table,
    facets: pa.Table,
    motifs: pa.Table,
    occurrences: Any,
    vectors: Any,
    assignments: Any,
    themes: pa.Table,
    *,
    output: str,
) -> tuple[TableFacts, ...]:
    """Write ``<output>/tables/{documents,copies,facets,motifs,occurrences,vectors,assignments,themes}.parquet``.

    Each file is replaced as a whole, so that another attempt does no harm. Memory holds one partition.

    Raises:
        StorageFullError: no space is left.
    """
    tables = {
        "documents": described(documents, traits),
        "copies": copies,
        "facets": facets,
        "motifs": motifs,
        "occurrences": occurrences,
        "vectors": vectors,
        "assignments": assignments,
        "themes": themes,
    }
    return write_tables(Path(output) / "tables", tables)


@phase(name="report_page", version="1", kind="sink")
def report_page(
    documents: Any,
    traits: Any,
    boilerplate: Boilerplate,
    duplicates: Duplicates,
    copies: pa.Table,
    facets: pa.Table,
    motifs: pa.Table,
    assignments: pa.Table,
    themes: pa.Table,
    archive: ArchiveFacts,
    tables: tuple[TableFacts, ...],
    *,
    output: str,
    title: str,
) -> str:
    """Write ``report.html`` and ``report.json`` under ``output``, and give the path of the page.

    Raises:
        StorageFullError: no space is left.
    """
    task = current_task()
    sheaf = Themes.from_table(assignments).facts
    reasons = tuple(reason for step in task.steps for reason in step.reasons)
    results = Results(
        documents=documents,
        traits=traits,
        boilerplate=boilerplate,
        duplicates=duplicates,
        copies=copies,
        facets=facets,
        motifs=motifs,
        assignments=assignments,
        themes=themes,
        sheaf=sheaf,
        archive=archive,
        tables=tables,
        steps=task.steps,
        reasons=reasons,
    )
    report, points = gather(results, title, utc_now())
    folder = Path(output)
    write_text(folder / "report.json", json.dumps(report.to_value(), ensure_ascii=False, indent=1) + "\n")
    page = folder / "report.html"
    write_text(page, render(report, points))
    return str(page)
