"""Limits and weights of a system elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from ..model.limits import LimitKey, LimitKind, Owner, Rules, StandingLimit
from .transport import Call

if TYPE_CHECKING:
    from .transport import Transport


async def limits(transport: Transport) -> list[StandingLimit]:
    """All limits that you may see, and how much of each is in use."""
    return [
        StandingLimit(
            LimitKey(LimitKind(each["kind"]), each["name"], each["project"] or ""),
            each["maximum"], each["held"], each["wanted"],
        )
        for each in (await transport.get("limits"))["limits"]
    ]  # fmt: skip


async def rules(transport: Transport) -> Rules:
    """All limits and weights that you may see."""
    found = await transport.get("limits")
    return Rules(
        {
            LimitKey(LimitKind(each["kind"]), each["name"], each["project"] or ""): each["maximum"]
            for each in found["limits"]
        },
        {Owner(each["project"], each["owner"]): each["weight"] for each in found["owners"]},
        {each["project"]: each["weight"] for each in found["projects"]},
    )


async def limit(transport: Transport, key: LimitKey, maximum: int | None) -> None:
    """Set a limit; None lifts it."""
    path, query = f"limits/{key.kind}/{_part(key.name)}", {"project": key.project} if key.project else {}
    if maximum is None:
        await transport.send(Call(method="DELETE", path=path, query=query, is_repeatable=True))
    else:
        await transport.send(Call(method="PUT", path=path, query=query, body={"maximum": maximum}, is_repeatable=True))


async def weigh(transport: Transport, weight: float, project: str, owner: str | None = None) -> None:
    """Set the weight of a project, or of an owner in it."""
    path = f"weights/{_part(project)}" + ("" if owner is None else f"/owners/{_part(owner)}")
    await transport.send(Call(method="PUT", path=path, body={"weight": weight}, is_repeatable=True))


def _part(name: str) -> str:
    return quote(name, safe="", errors="replace")
