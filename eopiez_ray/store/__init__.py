"""The only package that knows SQL: Postgres in, frozen values out."""

from ..model.views import (
    AttemptView,
    DriverView,
    EventView,
    GivenUp,
    LogView,
    RejectView,
    SetAside,
    StepFacts,
    StepView,
    TaskTime,
    TaskView,
    WorkflowView,
)
from .batch import Batch, CacheEntry, StepRow
from .claiming import Claim
from .database import Database, connect
from .embedded import EmbeddedServer
from .intake import Created, Intake, NewWorkflow
from .ledger import Ledger, Peers
from .listing import ALL
from .profiles import KnownPhase, PhaseBook
from .projects import Projects, ProjectView
from .rules import RuleBook
from .updates import Asked, Updates
from .vitals import Drivers, Vitals
from .workflows import EVERYTHING, Workflows

__all__ = [
    "ALL",
    "EVERYTHING",
    "Asked",
    "AttemptView",
    "Batch",
    "CacheEntry",
    "Claim",
    "Created",
    "Database",
    "DriverView",
    "Drivers",
    "EmbeddedServer",
    "EventView",
    "GivenUp",
    "Intake",
    "KnownPhase",
    "Ledger",
    "LogView",
    "NewWorkflow",
    "Peers",
    "PhaseBook",
    "ProjectView",
    "Projects",
    "RejectView",
    "RuleBook",
    "SetAside",
    "StepFacts",
    "StepRow",
    "StepView",
    "TaskTime",
    "TaskView",
    "Updates",
    "Vitals",
    "WorkflowView",
    "Workflows",
    "connect",
]
