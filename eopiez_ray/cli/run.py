"""``eopiez run``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from ..errors import ParameterError
from ..model.names import shown
from .analysis import look_only, start
from .collection import Analysis, is_url
from .output import keep_apart, output_folder, same_folder
from .system import read_settings

if TYPE_CHECKING:
    from ..phases.io import ReadOptions
    from ..phases.pipeline import PipelineOptions
    from ..phases.themes import ThemeOptions

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


Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT…",
        help="Folders, files, glob patterns, or - for standard input; for a system elsewhere, URLs as well.",
        show_default=False,
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
    folder = output_folder(output, title) if idempotency_key is None else same_folder(output, inputs)
    analysis = Analysis(_absolute(inputs), options, folder, settings, as_json, project, idempotency_key)
    keep_apart(analysis.inputs, analysis.output)
    if dry_run:
        look_only(analysis)
    else:
        start(analysis)


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
    if is_url(inputs[0]):
        where = urlsplit(inputs[0])
        return shown(Path(unquote(where.path)).name.split(".")[0] or where.hostname or "collection")
    parts = [part for part in Path(inputs[0]).expanduser().resolve().parts if not re.search(r"[*?\[]", part)]
    return shown(Path(parts[-1]).name.split(".")[0] or Path(parts[-1]).name.strip("/.") or "collection")


def _absolute(inputs: list[str]) -> list[str]:
    """Paths as workers see them, whose working folder is another."""
    if "" in inputs:
        raise ParameterError("an input is '', which names no file; is a variable of the shell empty?")
    return [
        given
        if given == "-" or given.startswith("file://") or is_url(given)
        else str(Path(given).expanduser().absolute())
        for given in inputs
    ]
