"""The rules and channels that hold now: the built-in ones, and those that somebody has written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ...logs import get_logger
from .built_in import BUILT_IN
from .channels import joined
from .kinds import Absence
from .rules import Rule
from .states import Standing
from .telling import Receiver

if TYPE_CHECKING:
    from ...model.alerts import StoredChannel, StoredRule
    from ...sealing import Seal
    from ...store.alert_desk import AlertDesk
    from ...store.alerts import AlertStore

SEALED_URL = "sealed://"
"""In place of a URL that need not be known."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Book:
    """Rules and receivers as of one revision."""

    revision: int
    standings: tuple[Standing, ...] = ()
    receivers: tuple[Receiver, ...] = ()


class Library:
    """Reads the book again when something in it has changed."""

    def __init__(self, store: AlertStore, desk: AlertDesk, *, is_measured: bool = True) -> None:
        """
        Args:
            store: knows when something has changed.
            desk: has what was written.
            is_measured: whether the system measures itself; nobody needs to be told that it does not.
        """
        self._store, self._desk, self._is_measured = store, desk, is_measured
        self._book = Book(-1)

    async def read(self) -> Book:
        """The book that holds now."""
        revision = await self._store.revision()
        if revision != self._book.revision:
            built_in = BUILT_IN if self._is_measured else _UNMEASURED
            standings = await asyncio.to_thread(standing_rules, await self._desk.all_rules(), built_in)
            receivers = [_described(stored) for stored in await self._desk.all_channels()]
            self._book = Book(revision, tuple(standings), tuple(each for each in receivers if each is not None))
        return self._book


def _described(stored: StoredChannel) -> Receiver | None:
    """A channel as far as it decides what it is told: where it is stays sealed. None if it cannot be read, which hurts
    no other.
    """
    try:
        return Receiver(stored.id, stored.project, joined(stored.document, {"url": SEALED_URL}))
    except ValidationError as error:
        log.error("a channel of alerts cannot be read", channel=stored.name, error=str(error)[:500])  # noqa: TRY400
        return None


def receiver_of(stored: StoredChannel, seal: Seal) -> Receiver:
    """A channel in its place.

    Raises:
        SealedError: it was sealed with another key.
        ValueError: it is none that this version knows.
    """
    opened = json.loads(seal.open(stored.target, place_of(stored.project, stored.name)))
    return Receiver(stored.id, stored.project, joined(stored.document, opened))


def place_of(project: str | None, name: str) -> str:
    """The place for which a channel's target is sealed."""
    return f"alert channel {project or ''}/{name}"


_UNMEASURED = {name: rule for name, rule in BUILT_IN.items() if not isinstance(rule.when, Absence)}


def standing_rules(written: Iterable[StoredRule], built_in: Mapping[str, Rule] = BUILT_IN) -> list[Standing]:
    """The rules that hold: a rule of the system that is called like a built-in one takes its place."""
    system, standings = dict(built_in), list[Standing]()
    for stored in written:
        rule = _rule(stored)
        if rule is not None and stored.project is None:
            system[rule.name] = rule
        elif rule is not None:
            standings.append(Standing(rule, stored.project))
    every = [*(Standing(rule, None) for rule in system.values()), *standings]
    return [standing for standing in every if standing.rule.enabled]


def _rule(stored: StoredRule) -> Rule | None:
    """The rule that was written; None if this version does not know it, which hurts no other."""
    try:
        return Rule.model_validate(stored.document)
    except ValidationError as error:
        log.error("a rule of alerts cannot be read", rule=stored.name, error=str(error)[:500])  # noqa: TRY400
        return None
