"""The only room that knows SQL: Postgres in, frozen values out."""

from .database import Database, connect
from .embedded import EmbeddedServer
from .ledger import Batch, CacheEntry, Claim, Ledger, StepRow
from .views import AttemptView, EventView, LogView, RejectView, StepView, TaskTime, WorkflowView
from .workflows import Workflows

__all__ = [
    "AttemptView",
    "Batch",
    "CacheEntry",
    "Claim",
    "Database",
    "EmbeddedServer",
    "EventView",
    "Ledger",
    "LogView",
    "RejectView",
    "StepRow",
    "StepView",
    "TaskTime",
    "WorkflowView",
    "Workflows",
    "connect",
]
