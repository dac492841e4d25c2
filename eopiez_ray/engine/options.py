"""What may be said when a workflow is started, and when one is paused, resumed, retried or cancelled."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from ..model.names import check_labels, check_name, check_priority
from ..model.requests import Mode, Request, Timers
from ..store import NewWorkflow

if TYPE_CHECKING:
    from ..authoring.plans.builder import Plan


class StartOptions(TypedDict, total=False):
    """What may be said of a new workflow beside its plan."""

    owner: str
    """Whose it is: owners share the cluster alike. Empty by default."""
    priority: int
    """Higher goes first; 0 by default."""
    labels: Mapping[str, str]
    idempotency_key: str
    """The same owner, key and plan give the same workflow, however often it is started."""


def new_workflow(plan: Plan, options: StartOptions) -> NewWorkflow:
    """What is said when it is started wins over what the plan itself says.

    Raises:
        ParameterError: owner, key, labels or priority are not what they may be.
    """
    labels = {**plan.labels, **options.get("labels", {})}
    said = {"priority": plan.priority, **options, "labels": labels}
    check_name("the owner", options.get("owner", ""))
    check_name("the idempotency key", options.get("idempotency_key") or "")
    check_priority(said["priority"])
    check_labels(labels)
    return NewWorkflow(plan.spec(), plan.code(), **said)  # type: ignore[arg-type]


class RequestOptions(TypedDict, total=False):
    """What may be said with a pause, resume, cancel or retry."""

    by: str
    """Who asks; the login name by default."""
    why: str
    mode: Mode | Literal["drain", "now"]
    """Of a pause or a cancel: ``drain`` lets tasks in flight end, ``now`` stops them and hands them back."""
    timers: Timers | Literal["running", "frozen"]
    """Of a pause: whether attempts that wait for their moment wait on meanwhile."""


def request_of(options: RequestOptions) -> Request:
    """What is asked for, by the one who runs this process unless another one is named."""
    given: dict[str, Any] = {"by": login_name(), **options}
    return Request(**given)


def login_name() -> str:
    """The name of the user who runs this process; empty if the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # A container may run a user id without a name.
        return ""
