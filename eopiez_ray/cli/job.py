"""``eopiez job submit | list | logs | stop``: programs that run on a Ray cluster as its jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ..errors import EopiezError
from .sheet import Sheet, name, word
from .system import read_settings
from .terminal import ago, duration, err, escaped, out, print_data, print_json, results_only

if TYPE_CHECKING:
    from ..engine.jobs import Job, Jobs

LIVING = {"pending", "running"}

Address = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="URL of the cluster's dashboard; RAY_ADDRESS, or this machine, by default.",
        show_default=False,
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.", show_default=False)]

job = typer.Typer(
    name="job",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Run programs on a Ray cluster as its jobs, as **ray job submit** does, with this system's settings.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (submit, list_jobs, logs, stop):
        job.command("list" if command is list_jobs else command.__name__)(command)
    app.add_typer(job)


def submit(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What to run.", show_default=False)],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--working-dir", exists=True, file_okay=False, help="Folder to send along and work in.", show_default=False
        ),
    ] = None,
    called: Annotated[
        str | None, typer.Option("--id", metavar="JOB", help="The job's id; Ray makes one up.", show_default=False)
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for its end.")] = False,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Pass passwords too, which Ray's dashboard then shows.")
    ] = False,
    address: Address = None,
    as_json: AsJson = False,
) -> None:
    """Submit a program to a Ray cluster, and follow it to its end.

    It gets the **EOPIEZ_** variables that are set here, so that it finds the same database and artifacts. Ctrl-C leaves
    it running. Submitted again with the same idempotency key, whatever became of the first one, it goes on with the
    same workflow.

    **Examples**

    ```
    eopiez job submit -- eopiez run /data/letters --output /data/results --idempotency-key letters
    eopiez job submit --working-dir . -- python my_plan.py
    ```
    """
    from ..engine.jobs import NewJob, variables_for

    wanted = NewJob(command, variables_for(read_settings(), show_secrets=show_secrets), folder, called)
    with results_only():
        jobs = _jobs(address)
        made = jobs.submit(wanted)
        err().print(f"Submitted {escape(made)}; `eopiez job logs {escape(made)}` shows what it prints.")
        if not no_wait:
            for text in jobs.follow(made):
                err().print(escape(escaped(text)), end="", soft_wrap=True, highlight=False)
        _tell(jobs.get(made), as_json=as_json)


def _jobs(address: str | None) -> Jobs:
    from ..engine.jobs import Jobs

    return Jobs(address)


def _tell(ended: Job, *, as_json: bool) -> None:
    """Say how it stands.

    Raises:
        EopiezError: it failed.
    """
    if as_json:
        print_json(_facts(ended))
    elif ended.workflow:
        out().print(f"{escape(ended.id)} {ended.status}, workflow {escape(ended.workflow)}")
    else:
        out().print(f"{escape(ended.id)} {ended.status}")
    if ended.status == "failed":
        first = ended.message.strip().partition("\n")[0]
        raise EopiezError(f"the job {ended.id} failed: {first}")


def _facts(known: Job) -> dict[str, Any]:
    return {
        "job": known.id, "status": known.status, "workflow": known.workflow or None, "command": known.command,
        "started_at": known.started_at, "ended_at": known.ended_at,
    }  # fmt: skip


def list_jobs(address: Address = None, as_json: AsJson = False) -> None:
    """List the jobs of a cluster, newest first, each with the workflow that it drives."""
    with results_only():
        known = _jobs(address).list()
    if as_json:
        for each in known:
            print_json(_facts(each))
        return
    if not known:
        err().print("No jobs.")
        return
    sheet = Sheet(
        name("Job"), word("Status"), word("Workflow"), word("Started", 1), word("Took", 2), name("Command", 3)
    )
    for each in known:
        sheet.add(each.id, each.status, each.workflow[-8:], ago(each.started_at), _took(each), each.command)
    sheet.print(out())


def _took(known: Job) -> str:
    if known.started_at is None:
        return ""
    return duration(((known.ended_at or datetime.now(UTC)) - known.started_at).total_seconds())


def logs(
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
    address: Address = None,
) -> None:
    """Print what a job has printed. What tasks print is in `eopiez logs` of its workflow."""
    with results_only():
        jobs = _jobs(address)
        for text in jobs.follow(job) if follow else [jobs.log(job)]:
            for line in text.splitlines():
                print_data(line)


def stop(job: JobId, address: Address = None) -> None:
    """Ask a job to end. Its workflow keeps all finished work, and `eopiez resume` or the next job goes on with it."""
    with results_only():
        jobs = _jobs(address)
        has_run = jobs.get(job).status in LIVING
        if has_run:
            jobs.stop(job)
    err().print(f"{escape(job)} is ending." if has_run else f"{escape(job)} had ended already.")
