"""The pure state machine of a workflow: events in, commands out. No clock, no database, no Ray."""

from .commands import (
    AdoptPlan,
    Command,
    RecordAttempt,
    RecordEnd,
    RecordInterruption,
    RecordLoss,
    RecordResults,
    RecordTask,
    SetStatus,
    UpdateStep,
)
from .events import (
    Adopted,
    CallLost,
    CallStopped,
    CancelRequested,
    Event,
    PauseRequested,
    PlanUpdated,
    Reported,
    TimePassed,
)
from .packing import Call, CallTask, Packing, next_call
from .profiles import Profile, Profiles
from .state import Finished, StepState, TaskState, Unfinished, WorkflowState, group
from .transitions import advance
from .updates import refusal

__all__ = [
    "AdoptPlan",
    "Adopted",
    "Call",
    "CallLost",
    "CallStopped",
    "CallTask",
    "CancelRequested",
    "Command",
    "Event",
    "Finished",
    "Packing",
    "PauseRequested",
    "PlanUpdated",
    "Profile",
    "Profiles",
    "RecordAttempt",
    "RecordEnd",
    "RecordInterruption",
    "RecordLoss",
    "RecordResults",
    "RecordTask",
    "Reported",
    "SetStatus",
    "StepState",
    "TaskState",
    "TimePassed",
    "Unfinished",
    "UpdateStep",
    "WorkflowState",
    "advance",
    "group",
    "next_call",
    "refusal",
]
