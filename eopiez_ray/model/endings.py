"""How a workflow ended, for whoever waited for its success."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import (
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowPausedError,
    WorkflowQuarantinedError,
)
from .status import WorkflowStatus

if TYPE_CHECKING:
    from .views import WorkflowView


def check_succeeded(view: WorkflowView) -> None:
    """Check that a workflow that is at rest has succeeded.

    Raises:
        WorkflowFailedError, WorkflowCancelledError, WorkflowPausedError, WorkflowQuarantinedError: it has not.
    """
    error = view.error or {}
    if view.status is WorkflowStatus.SUCCEEDED:
        return
    if view.status is WorkflowStatus.FAILED:
        place = f"step {error.get('step')!r}, partition {error.get('partition')}, attempt {error.get('attempts')}"
        raise WorkflowFailedError(
            f"workflow {view.id} failed: {place}: {error.get('error_type')}: {error.get('message')}"
        )
    if view.status is WorkflowStatus.CANCELLED:
        raise WorkflowCancelledError(f"workflow {view.id} was cancelled")
    if view.status is WorkflowStatus.QUARANTINED:
        raise WorkflowQuarantinedError(
            f"workflow {view.id} was quarantined: {error.get('message')}; "
            "its finished tasks are kept, and a retry continues it"
        )
    raise WorkflowPausedError(f"workflow {view.id} was paused; resume it to continue")
