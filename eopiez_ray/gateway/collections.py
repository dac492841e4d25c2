"""What a run of the pipeline reads: documents in the request, uploads, and files on the workers' machines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from blake3 import blake3
from pydantic import BeforeValidator, ConfigDict, Field

from ..encryption.streams import sealed_content
from ..errors import ParameterError
from ..home import make_file, make_folder
from ..model.ids import uuid7
from ..model.names import check_name
from ..phases.demo import demo_folder
from ..phases.pipeline import PipelineOptions, content_plan
from .problems import Problem, not_found
from .representation import Body, WholeNumber

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..authoring.plans.builder import Plan
    from ..encryption.keys import Cipher
    from .system import System


class DocumentBody(Body):
    """A document."""

    text: str
    id: str | None = Field(default=None, max_length=1000)
    title: str | None = Field(default=None, max_length=10_000)
    time: datetime | None = None
    label: str | None = Field(default=None, max_length=1000)


def _check_known(value: Any) -> Any:
    """Refuse options that there are not: a slip of the pen would go unnoticed."""
    if isinstance(value, Mapping):
        _check_fields(value, PipelineOptions, "options")
    return value


def _check_fields(value: Mapping[str, Any], kind: Any, place: str) -> None:
    fields = kind.__dataclass_fields__
    for name, inner in value.items():
        if name not in fields:
            raise ValueError(f"{place} has no {name!r}; there are {', '.join(sorted(fields))}")
        usual = fields[name].default_factory if callable(fields[name].default_factory) else None
        if isinstance(inner, Mapping) and hasattr(usual, "__dataclass_fields__"):
            _check_fields(inner, usual, f"{place}.{name}")


class ExecuteBody(Body):
    """A collection to analyse: at least one document, upload, path or URL, or the demonstration."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "documents": [{"text": "The concert was sold out.", "title": "Concert"}, {"text": "Oil prices rise again."}],
        "options": {"title": "Letters"},
    }]})  # fmt: skip

    documents: list[DocumentBody] = Field(default_factory=list, max_length=100_000)
    uploads: list[UUID] = Field(default_factory=list, max_length=10_000, description="Ids of complete uploads.")
    paths: list[str] = Field(
        default_factory=list, max_length=1000, description="Files or folders that the system lets the pipeline read."
    )
    urls: list[str] = Field(
        default_factory=list, max_length=20, examples=[["https://example.com/letters.csv"]],
        description="Files that the gateway downloads first, from where an operator lets it.",
    )  # fmt: skip
    demo: bool = Field(default=False, description="Also 2,225 BBC news articles, if the system has the demonstration.")
    options: Annotated[PipelineOptions, BeforeValidator(_check_known)] = Field(default_factory=PipelineOptions)
    priority: WholeNumber = Field(default=0, ge=-32768, le=32767)
    labels: dict[str, str] = Field(default_factory=dict)


async def planned(system: System, project: str, key: UUID, body: ExecuteBody) -> tuple[Plan, Path]:
    """The plan, and the folder for its results.

    Raises:
        Problem: an upload, a path or a URL is not there for this project, or not whole yet.
        ParameterError: there is nothing to read, or an option is invalid.
        InputError: the demonstration is not installed.
    """
    check_name("options.name", body.options.name)
    folder = system.files.new_results(project, key)
    inputs = [*await _uploaded(system, project, body.uploads), *_allowed(system, body.paths)]
    cipher = await system.database.vault.cipher(project)
    inputs += await system.downloads.bring(body.urls, folder, cipher)
    if body.documents:
        inputs.append(await asyncio.to_thread(_kept, folder, body.documents, cipher))
    if body.demo:
        inputs.append(str(demo_folder()))
    if not inputs:
        raise ParameterError("there is nothing to read; send documents, uploads, paths or URLs")
    return content_plan(inputs, folder, body.options), folder


async def _uploaded(system: System, project: str, uploads: Sequence[UUID]) -> list[str]:
    paths = []
    for each in uploads:
        view = await system.uploads.get(each, [project])
        if view is None:
            raise not_found("upload", each, f"GET /v1/uploads?project={project} lists those of the project")
        if view.completed_at is None:
            hint = "send the rest with PATCH"
            raise Problem(HTTPStatus.CONFLICT, "upload-incomplete", f"upload {each} has not arrived whole", hint)
        paths.append(str(system.files.path_of(view)))
    return paths


def _allowed(system: System, paths: Sequence[str]) -> list[str]:
    """The paths, each within a folder that an operator has opened; links are followed before that is decided."""
    opened = [folder.expanduser().resolve() for folder in system.settings.gateway_inputs]
    found = []
    for text in paths:
        path = Path(text).resolve() if text.startswith("/") and "\0" not in text else None
        if path is None or not any(path == folder or folder in path.parents for folder in opened):
            detail = f"the path {text[:200]!r} is not within a folder that the pipeline may read"
            hint = "upload the files, or ask an operator for EOPIEZ_GATEWAY_INPUTS"
            raise Problem(HTTPStatus.FORBIDDEN, "path-forbidden", detail, hint)
        found.append(str(path))
    return found


def _kept(folder: Path, documents: Sequence[DocumentBody], cipher: Cipher | None) -> str:
    """Write documents into a file for the workers, named by its content, and give its path."""
    facts = (document.model_dump(mode="json", exclude_none=True) for document in documents)
    content = "".join(json.dumps(each) + "\n" for each in facts).encode()
    hasher = blake3(content) if cipher is None else blake3(content, key=cipher.name_key)
    path = make_folder(folder) / f"documents-{hasher.hexdigest(8)}.jsonl"
    if not path.exists():
        partial = make_file(path.with_suffix(f".{uuid7()}"))
        partial.write_bytes(content if cipher is None else sealed_content(content, path, cipher))
        partial.replace(path)
    return str(path)
