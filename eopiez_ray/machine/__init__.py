"""The pure state machine of a workflow: events in, commands out. No clock, no database, no Ray."""

from .commands import Command, RecordAttempt, RecordEnd, RecordInterruption, RecordTask, SetStatus, UpdateStep
from .events import Adopted, CallLost, CallStopped, CancelRequested, Event, PauseRequested, Reported, TimePassed
from .packing import Call, CallTask, Packing, next_call
from .state import Finished, StepState, TaskState, Unfinished, WorkflowState
from .transitions import advance

__all__ = [
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
    "RecordAttempt",
    "RecordEnd",
    "RecordInterruption",
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
    "next_call",
]
