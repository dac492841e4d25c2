"""``eopiez run``."""

from __future__ import annotations

import re
import sys
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError, StorageFullError
from ..home import make_file, make_folder
from ..model.filters import WorkflowFilter
from ..model.names import DEFAULT_PROJECT, OUTPUT, SPOOL, TITLE, shown
from ..model.status import WorkflowStatus
from .conclusion import conclude, spool_folder
from .displays import Display, display_for
from .sending import save, send
from .survey import print_survey, survey_value
from .system import is_elsewhere, open_here, open_system, read_settings
from .terminal import print_json, results_only
from .watch import Ending, needs_driver, see_through

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..engine.local import Local
    from ..model.options import StartOptions
    from ..phases.io import ReadOptions
    from ..phases.pipeline import PipelineOptions
    from ..phases.themes import ThemeOptions
    from ..settings import Settings

INPUT, ANALYSIS, RESULTS, MACHINE = "Input", "Analysis", "Results", "Machine"

Cpus = Annotated[
    int | None,
    typer.Option("--cpus", min=1, help="CPUs to use; all by default.", rich_help_panel=MACHINE, show_default=False),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print progress as JSON lines on stderr and the result on stdout.", rich_help_panel=MACHINE
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Folder for the results; a new one here by default.", rich_help_panel=RESULTS,
        show_default=False,
    ),
]  # fmt: skip


def _column(name: str, what: str) -> typer.models.OptionInfo:
    return typer.Option(f"--{name}-column", help=what, metavar="NAME", rich_help_panel=INPUT, show_default=False)  # type: ignore[no-any-return]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


@dataclass(frozen=True, slots=True)
class Job:
    """What to run."""

    inputs: list[str]
    """Absolute, with ``-`` for standard input."""
    options: PipelineOptions
    output: Path
    settings: Settings
    as_json: bool
    project: str | None = None
    idempotency_key: str | None = None


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT…", help="Folders, files, glob patterns, or - for standard input.", show_default=False
    ),
]
TextColumn = Annotated[str | None, _column("text", "Column that holds the text.")]
IdColumn = Annotated[str | None, _column("id", "Column with document ids.")]
TitleColumn = Annotated[str | None, _column("title", "Column with titles.")]
TimeColumn = Annotated[str | None, _column("time", "Column with times, in any common format.")]
LabelColumn = Annotated[str | None, _column("label", "Column with existing labels.")]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding of all files; detected for each by default.", rich_help_panel=INPUT, show_default=False
    ),
]
MaxRejects = Annotated[
    str, typer.Option(help="Share of unreadable rows above which the run fails: 0.2 or 20%.", rich_help_panel=INPUT)
]
Provider = Annotated[
    str,
    typer.Option(
        help="Vectors: hybrid (best), static (fastest), or lsa (learned from this collection alone).",
        rich_help_panel=ANALYSIS,
    ),
]
LexiconOption = Annotated[
    Path | None,
    typer.Option(help="YAML file with categories of motifs.", rich_help_panel=ANALYSIS, show_default=False),
]
CopiesOnce = Annotated[
    bool,
    typer.Option(
        "--copies-once",
        help="Count near-copies (messages passed on, boilerplate) as one document when looking for themes.",
        rich_help_panel=ANALYSIS,
    ),
]
KeepBoilerplate = Annotated[
    bool,
    typer.Option(
        "--keep-boilerplate",
        help="Let quoted replies, signatures, repeated lines and answers that say nothing count as words.",
        rich_help_panel=ANALYSIS,
    ),
]
AcrossLanguages = Annotated[
    bool,
    typer.Option(
        "--across-languages",
        help="Let a theme have documents in several languages; by default each language has its own.",
        rich_help_panel=ANALYSIS,
    ),
]
ThemeCount = Annotated[
    int | None,
    typer.Option(
        "--themes",
        metavar="N",
        help="Number of themes; found out by default.",
        rich_help_panel=ANALYSIS,
        show_default=False,
    ),
]
Granularity = Annotated[
    str,
    typer.Option(
        "--granularity", help="Few wide themes (coarse), normal, or many narrow ones (fine).", rich_help_panel=ANALYSIS
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Name of the run and title of its report; taken from the input by default.",
        rich_help_panel=RESULTS,
        show_default=False,
    ),
]
ToProject = Annotated[
    str | None,
    typer.Option(
        "--project",
        envvar="EOPIEZ_PROJECT",
        help="Project that the run belongs to; default by default, or your own elsewhere.",
        rich_help_panel=RESULTS,
        show_default=False,
    ),
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Running again with the same key, input and output goes on with the same run.",
        rich_help_panel=RESULTS,
        show_default=False,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", "-n", help="Show what would be read and done, without starting.", rich_help_panel=MACHINE
    ),
]


def run(
    inputs: Inputs,
    text_column: TextColumn = None,
    id_column: IdColumn = None,
    title_column: TitleColumn = None,
    time_column: TimeColumn = None,
    label_column: LabelColumn = None,
    encoding: Encoding = None,
    max_rejects: MaxRejects = "50%",
    provider: Provider = "hybrid",
    lexicon: LexiconOption = None,
    copies_once: CopiesOnce = False,
    keep_boilerplate: KeepBoilerplate = False,
    themes: ThemeCount = None,
    granularity: Granularity = "normal",
    across_languages: AcrossLanguages = False,
    output: Output = None,
    name: Name = None,
    project: ToProject = None,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
    cpus: Cpus = None,
    as_json: AsJson = False,
) -> None:
    """Analyse a collection of texts: find motifs and themes, write a report, pack a small archive.

    Reads text, Markdown, HTML, mail and mbox, .jsonl, .csv, .tsv and .parquet, each also compressed with gzip or zstd.
    Columns, encodings and times are recognized; the options are for when that goes wrong. Rows that cannot be
    read are set aside in **quarantine.jsonl**, each with a reason.

    **Examples**

    ```
    eopiez run letters/
    eopiez run 'mail/**/*.mbox' notes.jsonl.gz
    eopiez run reviews.csv --text-column body --time-column posted
    zcat dump.jsonl.gz | eopiez run - --name dump
    eopiez run letters/ --dry-run
    ```

    **Ctrl-C** once finishes tasks in flight and prints the command that resumes the run; twice stops at once. Both
    keep all finished work.
    """
    from dataclasses import replace

    from ..phases.io import ReadOptions

    read = ReadOptions(text_column, id_column, time_column, label_column, title_column, encoding)
    title = name or _name_of(inputs)
    wanted = _theme_options(themes, granularity)
    options = pipeline_options(
        title, read, _share(max_rejects), provider, lexicon, copies_once=copies_once, themes=wanted
    )
    options = replace(options, keep_boilerplate=keep_boilerplate, across_languages=across_languages)
    settings = read_settings(cpus=cpus)
    folder = output_folder(output, title) if idempotency_key is None else _same_folder(output, inputs)
    job = Job(_absolute(inputs), options, folder, settings, as_json, project, idempotency_key)
    _keep_apart(job.inputs, job.output)
    if dry_run:
        _look_only(job)
    else:
        start(job)


def _theme_options(themes: int | None, granularity: str) -> ThemeOptions:
    from ..phases.themes import ThemeOptions

    if themes is not None and granularity != "normal":
        raise ParameterError(f"--themes {themes} leaves nothing to --granularity {granularity}; give one of the two")
    return ThemeOptions(themes=themes, granularity=granularity)  # type: ignore[arg-type]


def pipeline_options(
    title: str,
    read: ReadOptions,
    max_rejects: float,
    provider: str,
    lexicon: Path | None,
    *,
    copies_once: bool = False,
    themes: ThemeOptions | None = None,
) -> PipelineOptions:
    """Pipeline options from the command's options."""
    from ..phases.motifs import Lexicon
    from ..phases.pipeline import PipelineOptions
    from ..phases.themes import ThemeOptions

    text = None
    if lexicon is not None:
        Lexicon.load(lexicon)  # Its errors name the file and the line.
        text = lexicon.read_text("utf-8")
    return PipelineOptions(
        title,
        title,
        read,
        max_rejects,
        lexicon=text,
        provider=provider,  # type: ignore[arg-type]
        copies_once=copies_once,
        themes=themes or ThemeOptions(),
    )


def _share(text: str) -> float:
    """A share from ``0.2`` or ``20%``."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise ParameterError(f"--max-rejects is {text!r}; give a share such as 0.2 or 20%") from error
    if not 0 <= share <= 1:
        raise ParameterError(f"--max-rejects is {text!r}, and must be between 0 and 100%")
    return share


def _name_of(inputs: list[str]) -> str:
    """The default name of a run: the first input's name without its extensions."""
    if inputs[0] == "-":
        return "stdin"
    parts = [part for part in Path(inputs[0]).expanduser().resolve().parts if not re.search(r"[*?\[]", part)]
    return shown(Path(parts[-1]).name.split(".")[0] or Path(parts[-1]).name.strip("/.") or "collection")


def _absolute(inputs: list[str]) -> list[str]:
    """Paths as workers see them, whose working folder is another."""
    return [
        given if given == "-" or given.startswith("file://") else str(Path(given).expanduser().absolute())
        for given in inputs
    ]


def output_folder(given: Path | None, title: str) -> Path:
    """The folder for the results; nothing is created yet.

    Raises:
        ParameterError: it is not empty, or not a folder.
    """
    if given is None:
        slug = re.sub(r"[^\w.-]+", "-", title).strip("-.").lower() or "run"
        given = Path(f"eopiez-{slug}-{datetime.now().astimezone():%Y%m%d-%H%M%S}")
    folder = given.expanduser().resolve()
    if not _is_storable(str(folder)):
        raise ParameterError(f"the output {folder} has a name that is not UTF-8; name another with --output")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(
            f"the output {given} exists already and is not an empty folder; name a new one with --output"
        )
    return folder


def _same_folder(given: Path | None, inputs: list[str]) -> Path:
    """The folder of a run that may go on: it may hold what the run has written.

    Raises:
        ParameterError: the same command would not mean the same run again.
    """
    if given is None or "-" in inputs:
        raise ParameterError(
            "--idempotency-key goes on with the same run, so the command must say --output, and read files instead of "
            "standard input"
        )
    folder = given.expanduser().resolve()
    return folder if folder.is_dir() else output_folder(given, folder.name)


def _refuse_foreign_folder(local: Local, job: Job) -> None:
    """Refuse a folder with something in it that no earlier run with this output has put there."""
    if job.idempotency_key is None or not any(job.output.iterdir()):
        return
    if not local.workflows(limit=1, where=WorkflowFilter(labels={OUTPUT: str(job.output)})):
        output_folder(job.output, job.output.name)


def _is_storable(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _keep_apart(inputs: list[str], output: Path) -> None:
    """Refuse an output folder inside an input folder: results would be read as input, now or next time."""
    for given in map(Path, inputs):
        if given.is_dir() and output.is_relative_to(given.resolve()):
            raise ParameterError(
                f"the output {output} would lie inside the input {given} and be read with it; "
                f"name a folder outside with --output, such as {given.resolve().parent / output.name}"
            )


def _look_only(job: Job) -> None:
    """Print what would be done."""
    from ..phases.io import survey

    if "-" in job.inputs:
        raise ParameterError("--dry-run cannot look at standard input, which can be read only once; name a file")
    found = survey(job.inputs, job.options.read)
    steps = [step.name for step in _plan(job).spec().steps]
    if job.as_json:
        print_json(survey_value(found) | {"steps": steps, "output": job.output})
    else:
        print_survey(found, steps, job.output)


def start(job: Job) -> None:
    """Run it, here or on the system chosen, and see it through."""
    with results_only():
        if is_elsewhere():
            _see_through_elsewhere(job)
        else:
            _see_through(job)


def _see_through_elsewhere(job: Job) -> None:
    """Send the files, follow the run, and save its report and archive."""
    if job.idempotency_key is not None:
        raise ParameterError("--idempotency-key works on this machine's own system alone: files sent again are others")
    with display_for(as_json=job.as_json) as display, open_system() as remote:
        assert remote.is_remote
        display.say("Looking at the input …")
        job = _spooled(job)
        _refuse_what_cannot_be_read(job)
        _make_folder(job.output)
        workflow = send(remote, job.inputs, job.options, job.project, display)
        _drop_spool(job)
        outcome = see_through(workflow, display, None)
        if outcome.ending is Ending.AT_REST and outcome.view.status is WorkflowStatus.SUCCEEDED:
            save(remote, workflow, job.output)
    conclude(workflow, outcome, as_json=job.as_json, saved=job.output)


def _drop_spool(job: Job) -> None:
    """Delete the copy of standard input once the gateway has it."""
    for path in map(Path, _spool_label(job).values()):
        path.unlink()
        path.parent.rmdir()


def _see_through(job: Job) -> None:
    with display_for(as_json=job.as_json) as display:
        display.say("Looking at the input …")
        job = _spooled(job)
        _refuse_what_cannot_be_read(job)
        plan = _plan(job)
        _make_folder(job.output)
        display.say("Starting the database …")
        local = open_here(job.settings)
        try:
            _note_others(local, display)
            _refuse_foreign_folder(local, job)
            labels = {OUTPUT: str(job.output), TITLE: job.options.title} | _spool_label(job)
            options: StartOptions = {"labels": labels, "project": job.project or DEFAULT_PROJECT}
            if job.idempotency_key is not None:
                options["idempotency_key"] = job.idempotency_key
            workflow = local.submit(plan, **options)
            outcome = see_through(workflow, display, workflow.resume if needs_driver(workflow) else None)
        except BaseException:
            local.close()
            raise
    with local:
        conclude(workflow, outcome, as_json=job.as_json)


def _plan(job: Job) -> Plan:
    from ..phases.pipeline import content_plan

    return content_plan(job.inputs, job.output, job.options)


def _spooled(job: Job) -> Job:
    """The job with standard input kept in a file, so that the run can be resumed."""
    from dataclasses import replace

    from ..phases.io import spool

    if "-" not in job.inputs:
        return job
    if sys.stdin.isatty():
        raise ParameterError(
            "standard input is a terminal; pipe documents into it, for example: cat file.jsonl | eopiez run -"
        )
    folder = spool_folder(job.settings) / uuid.uuid4().hex
    try:
        make_folder(folder)
        path = make_file(spool(sys.stdin.buffer, folder))
    except OSError as error:
        raise StorageFullError(
            f"cannot keep standard input under {folder}: {error.strerror}; free some space, or set EOPIEZ_HOME"
        ) from error
    return replace(job, inputs=[str(path) if given == "-" else given for given in job.inputs])


def _spool_label(job: Job) -> dict[str, str]:
    home = str(spool_folder(job.settings))
    spooled = next((given for given in job.inputs if given.startswith(home)), None)
    return {} if spooled is None else {SPOOL: spooled}


def _refuse_what_cannot_be_read(job: Job) -> None:
    """Read the first documents, so that a wrong column or file is reported before anything starts."""
    from ..phases.io import read_collection

    next(read_collection(job.inputs, job.options.read))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(
            f"cannot create the output folder {folder}: {error.strerror}; name another with --output"
        ) from error


def _note_others(local: Local, display: Display) -> None:
    """Mention other runs in the same data home, which is allowed but slower."""
    others = [view for view in local.workflows(WorkflowStatus.RUNNING, 20) if local.workflow(str(view.id)).is_driven]
    if others:
        names = ", ".join(str(view.id)[-8:] for view in others)
        display.say(f"Another run is in progress on this machine ({names}); they share its resources.")
