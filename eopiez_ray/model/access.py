"""Who may what: roles in projects, and the callers who have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(StrEnum):
    """What a member of a project may do there; each role includes those before it."""

    OBSERVER = "observer"
    """Looks at states, counts and measurements of workflows; at no payload: no results, lines, errors' texts, rejected
    rows, parameters or documents."""
    VIEWER = "viewer"
    """Also looks at everything else that the project owns."""
    OPERATOR = "operator"
    """Runs registered phases and plans, and pauses, resumes, cancels, retries and updates workflows."""
    DEVELOPER = "developer"
    """Also sends code, which workers execute, and registers services."""
    ADMINISTRATOR = "administrator"
    """Also manages the project's members, keys and limits."""

    @property
    def rank(self) -> int:
        """Higher for roles that may do more; 0 for the first."""
        return list(Role).index(self)

    def includes(self, other: Role) -> bool:
        """Whether this role may do all that the other one may."""
        return self.rank >= other.rank


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who has proven who they are, as of this request."""

    user_id: UUID
    name: str
    """The login name, under which the history shows what they did; a key adds its own name: ``anna/nightly``."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Their role in each project that they work for."""
    is_system_administrator: bool = False
    """Manages users, projects and the system; sees and does everything in every project."""
    session_id: UUID | None = None
    """The session they signed in with; None for a key."""
    key_id: UUID | None = None
    """The API key that they use; None for a session."""

    def role_in(self, project: str) -> Role | None:
        """Their role in a project; None if they have none there."""
        return Role.ADMINISTRATOR if self.is_system_administrator else self.roles.get(project)

    def may(self, role: Role, project: str) -> bool:
        """Whether they may do in a project what that role may."""
        held = self.role_in(project)
        return held is not None and held.includes(role)
