"""``eopiez search``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import typer
from rich.markup import escape

from ..errors import WorkflowError, WorkflowNotFinishedError
from ..model.filters import WorkflowFilter
from ..model.names import CONTENT, KIND
from ..model.status import StepStatus, WorkflowStatus
from .system import is_elsewhere, open_system
from .terminal import err, out, print_json
from .watch import short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client.blocking import Remote
    from .system import Handle, System

MODEL, INDEX, DOCUMENTS = "vectors.fit", "vectors.index", "ingest.read"
MOST_ELSEWHERE = 100
"""Documents that a gateway finds at once."""
LOOKED_BACK = 200
"""How many succeeded workflows to search for the latest one with an index."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(search)


def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to find, in your own words.", show_default=False)],
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", "-w", metavar="ID", help="Run to search; by default the latest that succeeded."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="Documents to show.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per document.")] = False,
) -> None:
    """Find the documents of a finished run that are closest in meaning to a query.

    **Examples**

    ```
    eopiez search "rising oil prices"
    eopiez search "concert tickets" -n 3 --json
    ```
    """
    with open_system() as system:
        handle = system.workflow(workflow) if workflow else _latest(system)
        _check(handle)
        hits = _found(system, handle, query, count)
        if not as_json:
            err().print(f"[bright_black]in {escape(handle.view().name)}, workflow {short(handle.view())}[/]")
    if not hits:
        err().print("No matches: none of the query's words occurs in the collection.")
        return
    for rank, hit in enumerate(hits, 1):
        print_json({"rank": rank, **hit._asdict()}) if as_json else _print_hit(rank, hit)


class Match(NamedTuple):
    """A document that was found."""

    document_id: str
    similarity: float
    title: str
    snippet: str


def _found(system: System, handle: Handle, query: str, count: int) -> list[Match]:
    if not is_elsewhere():
        return _found_here(handle, query, count)
    hits = cast("Remote", system).pipeline.run(handle.id).search(query, min(count, MOST_ELSEWHERE))
    return [Match(hit["document_id"], round(hit["similarity"], 4), hit["title"] or "", hit["snippet"]) for hit in hits]


def _found_here(handle: Handle, query: str, count: int) -> list[Match]:
    model, index = handle.result(MODEL), handle.result(INDEX)
    hits = index.search(model.embed_texts([query]), count)[0]
    shown = _look_up(handle.result(DOCUMENTS), [hit.id for hit in hits])
    return [Match(hit.id, round(hit.similarity, 4), *shown[hit.id]) for hit in hits]


def _print_hit(rank: int, hit: Match) -> None:
    console = out()
    head = f"[bright_black]{rank:>3}[/]  [cyan]{hit.similarity:.2f}[/]  [bold]{escape(hit.title)}[/]"
    console.print(f"{head}  [bright_black]{escape(hit.document_id)}[/]")
    if hit.snippet:
        console.print(f"           {escape(hit.snippet)}")


def _latest(system: System) -> Handle:
    if is_elsewhere():
        of_pipeline = WorkflowFilter(labels={KIND: CONTENT})
        for view in system.workflows(WorkflowStatus.SUCCEEDED, 1, where=of_pipeline):
            return system.workflow(str(view.id))
    else:
        for view in system.workflows(WorkflowStatus.SUCCEEDED, LOOKED_BACK):
            if INDEX in view.step_names:
                return system.workflow(str(view.id))
    raise WorkflowNotFinishedError(
        "no run with a search index has succeeded yet; start one with `eopiez run` or `eopiez demo`"
    )


def _check(workflow: Handle) -> None:
    """Explain where a workflow has no index, or none yet."""
    step = next((step for step in workflow.steps() if step.name == INDEX), None)
    if step is None:
        raise WorkflowError(f"workflow {workflow.id} has no search index; search one that `eopiez run` made")
    if step.status is not StepStatus.SUCCEEDED:
        raise WorkflowNotFinishedError(
            f"the index of workflow {workflow.id} is not built yet; wait for it, or resume it"
        )


def _look_up(partitions: Iterable[Any], wanted: list[str]) -> dict[str, tuple[str, str]]:
    """Titles and snippets of documents, from one pass over the partitions."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..phases.report.collection import snippet_of, title_of

    ids, found = pa.array(wanted, pa.string()), dict[str, tuple[str, str]]()
    for table in partitions:
        rows = table.select(["document_id", "title", "text"]).filter(pc.is_in(table.column("document_id"), ids))
        for row in rows.to_pylist():
            title = title_of(row["title"], row["text"][:600])
            found[row["document_id"]] = title, snippet_of(title, row["text"][:600])
        if len(found) == len(wanted):
            break
    return found
