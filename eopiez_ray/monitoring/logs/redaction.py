"""Keeps secrets out of the log: those that the settings hold, and whatever looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from ...settings import Settings

HIDDEN = "***"
SHORTEST = 6
"""Characters of a secret: to hide every shorter text would make lines unreadable."""
DEEPEST = 8
_TELLING = re.compile(
    r"pass(word|wd|phrase)|secret|token|authori[sz]ation|credential|cookie|api_?key|private_?key", re.IGNORECASE
)
"""Names of fields whose values nobody should read."""
_LOOKING_LIKE_ONE = re.compile(
    r"(?P<user>\w[\w+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"  # A password in a URL.
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"
    r"|(?P<key>\beopiez_[a-z]+_)\w{8,}"
    r"|(?P<name>\b\w*(?:password|passwd|secret|token|api_?key)\w*['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;]{4,}"
    r"|(?P<jwt>\beyJ)[\w-]{8,}\.[\w-]+\.[\w-]+",
    re.IGNORECASE,
)


class Redaction:
    """Hides secrets in texts and fields."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    @classmethod
    def of(cls, settings: Settings) -> Redaction:
        """One that knows the secrets of these settings: all that their representation hides."""
        hidden = [name for name, field in type(settings).model_fields.items() if not field.repr]
        values = [str(value) for name in hidden if (value := getattr(settings, name)) is not None]
        keys = re.split(r"[,:\s]+", settings.encryption_keys or "")
        return cls([*values, *(part for value in values for part in _passwords(value)), *keys])

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _LOOKING_LIKE_ONE.sub(_hidden, text)

    def fields(self, fields: Mapping[str, Any], depth: int = DEEPEST) -> dict[str, Any]:
        """The fields, in values that JSON can express, without secrets."""
        return {
            self.text(str(name)): HIDDEN if _TELLING.search(str(name)) else self._value(value, depth)
            for name, value in fields.items()
        }

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping) and depth > 0:
            return self.fields(value, depth - 1)
        if isinstance(value, list | tuple | set | frozenset) and depth > 0:
            return [self._value(each, depth - 1) for each in value]
        return self.text(str(value))


def _hidden(found: re.Match[str]) -> str:
    """What shows that a secret was there, and of which kind."""
    return next(text for text in found.groupdict().values() if text is not None) + HIDDEN


def _passwords(value: str) -> list[str]:
    """The password in a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(value).password
    except ValueError:
        return []
    return [] if password is None else [password, unquote(password)]
