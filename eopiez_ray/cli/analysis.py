"""The analysis of a collection: looked at, started here or on the system chosen, and seen through."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ParameterError, StorageFullError
from ..home import make_file, make_folder
from ..model.filters import WorkflowFilter
from ..model.names import DEFAULT_PROJECT, OUTPUT, SPOOL, TITLE
from ..model.status import WorkflowStatus
from .collection import Analysis
from .conclusion import conclude, spool_folder
from .displays import Display, display_for
from .output import create_output, output_folder
from .sending import save, send
from .survey import print_survey, survey_value
from .system import is_elsewhere, open_here, open_system
from .terminal import print_json, results_only
from .watch import Ending, needs_driver, see_through

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan
    from ..engine.local import Local
    from ..model.options import StartOptions


def look_only(analysis: Analysis) -> None:
    """Print what would be done."""
    from ..phases.io import survey

    _refuse_urls(analysis, "--dry-run cannot look at")
    if "-" in analysis.inputs:
        raise ParameterError("--dry-run cannot look at standard input, which can be read only once; name a file")
    found = survey(analysis.inputs, analysis.options.read)
    steps = [step.name for step in _plan(analysis).spec().steps]
    if analysis.as_json:
        print_json(survey_value(found) | {"steps": steps, "output": analysis.output})
    else:
        print_survey(found, steps, analysis.output)


def start(analysis: Analysis) -> None:
    """Run it, here or on the system chosen, and see it through."""
    with results_only():
        if is_elsewhere():
            _see_through_elsewhere(analysis)
        else:
            _refuse_urls(analysis, "nothing is downloaded on this machine:")
            _see_through(analysis)


def _refuse_urls(analysis: Analysis, why: str) -> None:
    if analysis.urls:
        url = analysis.urls[0]
        raise ParameterError(f"{why} {url}; download it first, such as with curl -OL, and name the file")


def _see_through_elsewhere(analysis: Analysis) -> None:
    """Send the files, follow the run, and save its report and archive."""
    if analysis.idempotency_key is not None:
        raise ParameterError("--idempotency-key works on this machine's own system alone: files sent again are others")
    with display_for(as_json=analysis.as_json) as display, open_system() as remote:
        assert remote.is_remote
        display.say("Looking at the input …")
        analysis = _spooled(analysis)
        _refuse_what_cannot_be_read(analysis)
        create_output(analysis.output)
        workflow = send(remote, analysis, display)
        _drop_spool(analysis)
        outcome = see_through(workflow, display, None)
        if outcome.ending is Ending.AT_REST and outcome.view.status is WorkflowStatus.SUCCEEDED:
            save(remote, workflow, analysis.output)
    conclude(workflow, outcome, as_json=analysis.as_json, saved=analysis.output)


def _drop_spool(analysis: Analysis) -> None:
    """Delete the copy of standard input once the gateway has it."""
    for path in map(Path, _spool_label(analysis).values()):
        path.unlink()
        path.parent.rmdir()


def _see_through(analysis: Analysis) -> None:
    with display_for(as_json=analysis.as_json) as display:
        display.say("Looking at the input …")
        analysis = _spooled(analysis)
        _refuse_what_cannot_be_read(analysis)
        plan = _plan(analysis)
        create_output(analysis.output)
        display.say("Starting the database …")
        local = open_here(analysis.settings)
        try:
            _note_others(local, display)
            _refuse_foreign_folder(local, analysis)
            labels = {OUTPUT: str(analysis.output), TITLE: analysis.options.title} | _spool_label(analysis)
            options: StartOptions = {"labels": labels, "project": analysis.project or DEFAULT_PROJECT}
            if analysis.idempotency_key is not None:
                options["idempotency_key"] = analysis.idempotency_key
            workflow = local.submit(plan, **options)
            outcome = see_through(workflow, display, workflow.resume if needs_driver(workflow) else None)
        except BaseException:
            local.close()
            raise
    with local:
        conclude(workflow, outcome, as_json=analysis.as_json)


def _plan(analysis: Analysis) -> Plan:
    from ..phases.pipeline import content_plan

    return content_plan(analysis.inputs, analysis.output, analysis.options)


def _spooled(analysis: Analysis) -> Analysis:
    """The analysis with standard input kept in a file, so that the run can be resumed."""
    from dataclasses import replace

    from ..phases.io import spool

    if "-" not in analysis.inputs:
        return analysis
    if sys.stdin.isatty():
        raise ParameterError(
            "standard input is a terminal; pipe documents into it, for example: cat file.jsonl | eopiez run -"
        )
    folder = spool_folder(analysis.settings) / uuid.uuid4().hex
    try:
        make_folder(folder)
        path = make_file(spool(sys.stdin.buffer, folder))
    except OSError as error:
        raise StorageFullError(
            f"cannot keep standard input under {folder}: {error.strerror}; free some space, or set EOPIEZ_HOME"
        ) from error
    return replace(analysis, inputs=[str(path) if given == "-" else given for given in analysis.inputs])


def _spool_label(analysis: Analysis) -> dict[str, str]:
    home = str(spool_folder(analysis.settings))
    spooled = next((given for given in analysis.inputs if given.startswith(home)), None)
    return {} if spooled is None else {SPOOL: spooled}


def _refuse_what_cannot_be_read(analysis: Analysis) -> None:
    """Read the first documents, so that a wrong column or file is reported before anything starts."""
    from ..phases.io import read_collection

    if analysis.files:
        next(read_collection(analysis.files, analysis.options.read))


def _refuse_foreign_folder(local: Local, analysis: Analysis) -> None:
    """Refuse a folder with something in it that no earlier run with this output has put there."""
    if analysis.idempotency_key is None or not any(analysis.output.iterdir()):
        return
    if not local.workflows(limit=1, where=WorkflowFilter(labels={OUTPUT: str(analysis.output)})):
        output_folder(analysis.output, analysis.output.name)


def _note_others(local: Local, display: Display) -> None:
    """Mention other runs in the same data home, which is allowed but slower."""
    others = [view for view in local.workflows(WorkflowStatus.RUNNING, 20) if local.workflow(str(view.id)).is_driven]
    if others:
        names = ", ".join(str(view.id)[-8:] for view in others)
        display.say(f"Another run is in progress on this machine ({names}); they share its resources.")
