"""A run of the pipeline on a system elsewhere: its files go there, its report and archive come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StorageFullError
from .terminal import counted, size

if TYPE_CHECKING:
    from ..client.blocking import Remote, RemoteWorkflow
    from .collection import Analysis
    from .displays import Display


def send(remote: Remote, analysis: Analysis, display: Display) -> RemoteWorkflow:
    """Send the files of a collection, name the URLs that the gateway downloads, and start the run.

    Raises:
        InputError: a file is not there, or cannot be read.
        EopiezError: the gateway refuses, or does not answer.
    """
    from ..client.pipeline import ExecuteOptions
    from ..phases.io.files import find_files

    files = [Path(found.path) for found in find_files(analysis.files)] if analysis.files else []
    if files:
        total = sum(path.stat().st_size for path in files)
        display.say(f"Sending {counted(len(files), 'file')}, {size(total)}, to {remote.url} …")
    if analysis.urls:
        display.say(f"Letting {remote.url} download {counted(len(analysis.urls), 'file')} …")
    how: ExecuteOptions = {"options": analysis.options}
    if analysis.project is not None:
        how["project"] = analysis.project
    return remote.pipeline.execute(files=files, urls=analysis.urls, **how)


def save(remote: Remote, workflow: RemoteWorkflow, output: Path) -> None:
    """Save the report, its facts and the archive.

    Raises:
        StorageFullError: they cannot be written.
        EopiezError: the gateway refuses, or does not answer.
    """
    run = remote.pipeline.run(workflow.id)
    try:
        run.report(output / "report.html")
        run.archive(output / "collection.eopz")
        (output / "report.json").write_text(json.dumps(run.facts()), "utf-8")
    except OSError as error:
        raise StorageFullError(f"the results cannot be saved in {output}: {error.strerror}") from error
