"""Options for starting a workflow, and for pausing, resuming, retrying or cancelling one."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from .requests import Mode, Request, Timers


class StartOptions(TypedDict, total=False):
    """Options for a new workflow, besides its plan."""

    project: str
    """The project it belongs to; ``default`` by default."""
    owner: str
    """The owner: owners share what their project has by weight, equal by default. Empty by default."""
    priority: int
    """Higher goes first; 0 by default."""
    labels: Mapping[str, str]
    idempotency_key: str
    """Starting again with the same project, owner, key and plan gives the same workflow."""


class RequestOptions(TypedDict, total=False):
    """Options for a pause, resume, cancel or retry."""

    by: str
    """Who asks; the login name by default."""
    why: str
    mode: Mode | Literal["drain", "now"]
    """For a pause or a cancel: ``drain`` lets tasks in flight finish, ``now`` stops and requeues them."""
    timers: Timers | Literal["running", "frozen"]
    """For a pause: whether retry backoff keeps running meanwhile."""


def request_of(options: RequestOptions) -> Request:
    """The request, made by the user who runs this process unless another is named."""
    given: dict[str, Any] = {"by": login_name(), **options}
    return Request(**given)


def login_name() -> str:
    """The login name of the user who runs this process; empty if there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # A container may run a user id without a name.
        return ""
