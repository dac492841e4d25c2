"""The only room that knows SQL: Postgres in, frozen values out."""

from .batch import Batch, CacheEntry, StepRow
from .database import Database, connect
from .embedded import EmbeddedServer
from .intake import Created, Intake, NewWorkflow
from .ledger import Claim, Ledger
from .views import AttemptView, EventView, GivenUp, LogView, RejectView, StepView, TaskTime, WorkflowView
from .workflows import EVERYTHING, Workflows

__all__ = [
    "EVERYTHING",
    "AttemptView",
    "Batch",
    "CacheEntry",
    "Claim",
    "Created",
    "Database",
    "EmbeddedServer",
    "EventView",
    "GivenUp",
    "Intake",
    "Ledger",
    "LogView",
    "NewWorkflow",
    "RejectView",
    "StepRow",
    "StepView",
    "TaskTime",
    "WorkflowView",
    "Workflows",
    "connect",
]
