"""Channels: who is told of which alerts, how soon, how often, and at which hours not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, field_validator, model_validator

from ...model.alerts import Alert, Severity
from .alertmanager import AGAIN_S, endpoint
from .durations import Pause
from .kinds import LabelName, LabelValue, Part
from .rules import NAME

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,30}")


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("write a time of day such as 22:00")
    return text


Clock = Annotated[str, AfterValidator(_clock), Field(examples=["22:00"])]


class Quiet(Part):
    """Hours at which nobody is told of what can wait."""

    begin: Clock = Field(alias="from")
    end: Clock = Field(alias="to", description="Earlier than the beginning means the next day.")
    days: list[Day] = Field(default_factory=lambda: [*_DAYS], min_length=1, description="On which days they begin.")
    time_zone: str = "UTC"
    spare: Severity = Field(
        default=Severity.CRITICAL, description="Alerts of this severity and above are told at any hour."
    )

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("there is no such time zone; write one such as Europe/Berlin")
        return value

    def holds(self, now: datetime) -> bool:
        """Whether it is quiet now."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        at, begin, end = local.time(), time.fromisoformat(self.begin), time.fromisoformat(self.end)
        today, yesterday = _DAYS[local.weekday()], _DAYS[local.weekday() - 1]
        if begin < end:
            return today in self.days and begin <= at < end
        return (today in self.days and at >= begin) or (yesterday in self.days and at < end)


class ChannelSpec(Part):
    """Who is told. Without conditions, of all alerts of the project, or of all of the system's rules."""

    url: str = Field(
        max_length=2000,
        repr=False,
        examples=["https://hooks.example.com/alerts"],
        description="`https://…` or `http://…` gets signed JSON; any other scheme that is allowed here is Apprise's, "
        "such as `mailtos://…` or `slack://…`. It is kept sealed, and never shown.",
    )
    kind: Literal["message", "alertmanager"] = Field(
        default="message",
        description="Whether it gets messages, or the URL, `https://…` or `http://…`, is an Alertmanager's, which gets "
        "alerts as they stand, and tells people itself.",
    )
    secret: str | None = Field(
        default=None,
        min_length=16,
        max_length=200,
        repr=False,
        description="What signs the JSON (Standard Webhooks); never shown. Without it, nothing is signed.",
    )
    severity: Severity = Field(default=Severity.INFO, description="Only alerts of this severity and above.")
    rules: list[Annotated[str, Field(max_length=63)]] = Field(
        default_factory=list, max_length=100, description="Only alerts of these rules; all by default."
    )
    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, max_length=20, description="Only alerts that have all of these labels."
    )
    group_by: list[LabelName] = Field(
        default_factory=list, max_length=6,
        description="Alerts of one rule with the same values of these labels are told in one message.",
    )  # fmt: skip
    group_wait: Pause = Field(default=0.0, le=3600, description="How long the first of a group waits for others.")
    after: Pause = Field(
        default=0.0, description="Escalation: only alerts that have fired for so long and nobody has acknowledged."
    )
    repeat: Pause = Field(
        default=0.0, description="Tell it again after so long, until it is acknowledged or resolved; 0 never does."
    )
    quiet: list[Quiet] = Field(default_factory=list, max_length=10)
    tells_resolved: bool = Field(default=True, description="Whether it is told of the end, too.")
    title: str = Field(
        default="$status: $rule", max_length=200, description="`$rule`, `$status`, `$severity`, `$count`, `$project`."
    )
    enabled: bool = True

    model_config = Part.model_config | {"populate_by_name": True}

    @model_validator(mode="after")
    def _has_a_scheme(self) -> ChannelSpec:
        scheme, separator, _ = self.url.partition("://")
        if not separator or not _SCHEME.fullmatch(scheme.lower()) or not self.url.isprintable():
            raise ValueError("the URL of a channel has a scheme, such as https:// or mailtos://")
        if self.repeat and self.repeat < 60:
            raise ValueError("`repeat` is a minute at least, or 0")
        return self


class Channel(ChannelSpec):
    """A channel by its name."""

    name: str = Field(pattern=NAME, max_length=63, examples=["on-call"])

    @property
    def scheme(self) -> str:
        """The URL's scheme."""
        return self.url.partition("://")[0].lower()

    @property
    def is_webhook(self) -> bool:
        """Whether it gets signed JSON."""
        return self.scheme in {"http", "https"}

    @property
    def is_alertmanager(self) -> bool:
        """Whether it is an Alertmanager, which has to hear of what fires again and again."""
        return self.kind == "alertmanager"

    @property
    def address(self) -> str:
        """Where JSON is posted."""
        return endpoint(self.url) if self.is_alertmanager else self.url

    @property
    def again_s(self) -> float:
        """Seconds after which it is told again of what fires; 0 if it is not."""
        return self.repeat or (AGAIN_S if self.is_alertmanager else 0.0)

    @property
    def shown_target(self) -> str:
        """What may be shown of the URL: no path, no password, no token."""
        host = urlsplit(self.url).hostname if self.is_webhook else None
        return f"{self.scheme}://{host or '…'}" + ("/…" if host else "")

    def wants(self, alert: Alert) -> bool:
        """Whether an alert is for it, at whatever time."""
        is_meant = not self.rules or alert.rule in self.rules
        return is_meant and alert.severity.rank >= self.severity.rank and self.labels.items() <= alert.labels.items()

    def is_quiet(self, alert: Alert, now: datetime) -> bool:
        """Whether an alert has to wait for another hour."""
        return any(each.holds(now) and alert.severity.rank < each.spare.rank for each in self.quiet)


SEALED = ("url", "secret")
"""Fields that are kept sealed, and shown to nobody."""


def open_part(channel: Channel) -> dict[str, Any]:
    """What of a channel may be stored as it is."""
    return channel.model_dump(mode="json", by_alias=True, exclude={*SEALED})


def sealed_part(channel: Channel) -> dict[str, Any]:
    """What of a channel is to be sealed."""
    return {name: getattr(channel, name) for name in SEALED}


def joined(document: Mapping[str, Any], sealed: Mapping[str, Any]) -> Channel:
    """The channel of these parts."""
    return Channel.model_validate({**document, **sealed})
