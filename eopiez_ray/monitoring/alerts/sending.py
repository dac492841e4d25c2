"""Sends messages to where people asked for them: JSON to webhooks and Alertmanagers, anything else by Apprise.

An address counts as it is connected to: ``EOPIEZ_ALERT_TARGETS`` says where webhooks and mail servers may be.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
import warnings
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import aiohttp

from ...errors import NotDeliveredError, ParameterError
from ...model.names import shown
from ...outbound.connections import CheckedResolver, new_session
from ...outbound.places import Places
from .alertmanager import posted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .channels import Channel

ANSWER_S = 10.0
"""Seconds within which a webhook answers."""
APPRISE_S = 30.0
MAIL = frozenset({"mailto", "mailtos"})
HOSTED = frozenset({
    "slack", "discord", "workflows", "pagerduty", "opsgenie", "tgram", "gchat", "pover", "splunk", "wxteams",
    "twilio", "sendgrid", "mailgun", "o365",
})  # fmt: skip
"""Apprise's services at addresses that nobody can choose."""


class Sender:
    """Sends messages. Safe for concurrent use; close it."""

    def __init__(self, targets: tuple[str, ...], gateway: str = "") -> None:
        """
        Args:
            targets: where webhooks and mail servers may be.
            gateway: where people reach the gateway, if whoever is told may be told.

        Raises:
            ParameterError: one of them is no place.
        """
        self._source = f"{gateway.rstrip('/')}/alerts" if gateway else ""
        self.resolver = CheckedResolver(Places.of(targets, "alert_targets"))
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        await self.resolver.close()

    def check(self, channel: Channel) -> None:
        """Check that messages may be sent to a channel.

        Raises:
            ParameterError: they may not.
        """
        if channel.is_alertmanager and not channel.is_webhook:
            raise ParameterError("the URL of an Alertmanager is https://… or http://…")
        if channel.is_webhook:
            if not self.resolver.may_be_called(channel.url):
                raise ParameterError("the URL leads to no address at which a webhook may be: EOPIEZ_ALERT_TARGETS")
            return
        if channel.scheme not in MAIL | HOSTED:
            known = ", ".join(["http", "https", *sorted(MAIL | HOSTED)])
            raise ParameterError(f"alerts cannot be sent to {channel.scheme}://; they can to {known}")
        if _plugin(channel.url) is None:
            raise ParameterError(f"this is no URL of {channel.scheme}:// as Apprise writes it")

    async def send(self, channel: Channel, message_id: str, title: str, body: str, facts: Mapping[str, Any]) -> None:
        """Send a message. The same id tells a webhook that it is the same message.

        Raises:
            NotDeliveredError: it was not accepted.
        """
        title, body = shown(title), "\n".join(map(shown, body.splitlines()))
        try:
            self.check(channel)
            if channel.is_alertmanager:
                now = datetime.now(UTC)
                await self._post(channel, message_id, posted(facts, body, now, channel.again_s, self._source))
            elif channel.is_webhook:
                await self._post(channel, message_id, {"title": title, "body": body, **facts})
            else:
                await self._notify(channel, title, body)
        except ParameterError as error:
            raise NotDeliveredError(str(error)) from error

    async def _post(self, channel: Channel, message_id: str, value: Mapping[str, Any] | list[Any]) -> None:
        content = json.dumps(value, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **signed(channel.secret, message_id, int(time.time()), content)}
        if self._session is None:
            self._session = new_session(self.resolver, ANSWER_S)
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                self._session.post(channel.address, data=content, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
                answer.close()  # Whatever else it says: the connection may hold more than one answer.
        except TimeoutError as error:
            raise NotDeliveredError(f"it did not answer within {ANSWER_S:g} seconds") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDeliveredError(f"it cannot be reached: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise NotDeliveredError(f"it answered with status {status}")

    async def _notify(self, channel: Channel, title: str, body: str) -> None:
        plugin = _plugin(channel.url)
        if channel.scheme in MAIL:
            try:
                await self.resolver.resolve(str(plugin.smtp_host), int(plugin.port or 25))
            except OSError as error:
                raise NotDeliveredError("the mail server is at no address that EOPIEZ_ALERT_TARGETS allows") from error
        try:
            async with asyncio.timeout(APPRISE_S):
                is_sent = await asyncio.to_thread(plugin.notify, body=body, title=title)
        except TimeoutError as error:
            raise NotDeliveredError(f"it did not take the message within {APPRISE_S:g} seconds") from error
        except Exception as error:  # A plugin of many can fail in any way.
            raise NotDeliveredError(f"{channel.scheme} failed: {type(error).__name__}") from error
        if not is_sent:
            raise NotDeliveredError(f"{channel.scheme} did not take the message")


def can_send() -> bool:
    """Whether this process can send messages: what that takes comes with the gateway."""
    return find_spec("apprise") is not None


def signed(secret: str | None, message_id: str, at: int, content: bytes) -> dict[str, str]:
    """Headers by which a receiver knows a message, and that it comes from here (Standard Webhooks 1.0.0)."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(at), "Idempotency-Key": message_id}
    if secret is not None:
        digest = hmac.new(secret.encode(), f"{message_id}.{at}.".encode() + content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _plugin(url: str) -> Any:
    """Apprise's way to send there; None if it does not understand the URL. What it logs may hold parts of it."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():  # Of what its plugins import.
        warnings.simplefilter("ignore")
        return apprise.Apprise.instantiate(url, suppress_exceptions=True)
