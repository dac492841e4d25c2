"""Systems that somebody has signed in to, kept in the user's configuration folder: only their owner can read it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from ..errors import ParameterError
from ..home import make_file, make_folder
from .credentials import Tokens


@dataclass(frozen=True, slots=True)
class Context:
    """A system, and who one is there: by an API key, or by the tokens of a session."""

    name: str
    url: str
    login: str = ""
    project: str | None = None
    """What new workflows belong to; by default the only one they work for."""
    key: str | None = field(default=None, repr=False)
    tokens: Tokens | None = None
    ca_file: str | None = None
    """The file with authorities of one's own, one of which has signed the gateway's certificate."""

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Context:
        """From JSON."""
        tokens = value.get("tokens")
        return cls(**{**value, "tokens": tokens and Tokens(**tokens)})


@dataclass(frozen=True, slots=True)
class Known:
    """All contexts, and which one commands use."""

    current: str | None = None
    contexts: Mapping[str, Context] = field(default_factory=dict)


class Contexts:
    """The file of contexts, mode 600 in a folder of mode 700; it is replaced as a whole, so that nobody reads half."""

    def __init__(self, folder: Path | None = None) -> None:
        """
        Args:
            folder: where; the user's configuration folder by default.
        """
        self.folder = folder or user_config_path("eopiez", appauthor=False)
        self._path = self.folder / "contexts.json"

    def read(self) -> Known:
        """All of them.

        Raises:
            ParameterError: the file cannot be read.
        """
        try:
            value = json.loads(self._path.read_text("utf-8"))
            named = {each["name"]: Context.from_value(each) for each in value["contexts"]}
            return Known(value["current"], named)
        except FileNotFoundError:
            return Known()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ParameterError(f"{self._path} cannot be read: {error}; mend it, or delete it and sign in again") \
                from error  # fmt: skip

    def get(self, name: str | None = None) -> Context:
        """The context of that name, or the current one.

        Raises:
            ParameterError: there is none.
        """
        known = self.read()
        chosen = known.current if name is None else name
        if chosen is None:
            raise ParameterError("no system is chosen; sign in with `eopiez login URL`, or set EOPIEZ_URL")
        if chosen not in known.contexts:
            there = ", ".join(sorted(known.contexts)) or "none"
            raise ParameterError(f"there is no context {chosen!r}; there are {there}")
        return known.contexts[chosen]

    def put(self, context: Context) -> None:
        """Add a context, or replace the one of its name, and make it the current one."""
        with self._changing() as known:
            self._write(Known(context.name, {**known.contexts, context.name: context}))

    def use(self, name: str | None) -> None:
        """Make a context the current one; with None, none is.

        Raises:
            ParameterError: there is none of that name.
        """
        if name is not None:
            self.get(name)
        with self._changing() as known:
            self._write(replace(known, current=name))

    def rename(self, name: str, new: str) -> None:
        """Give a context another name.

        Raises:
            ParameterError: there is none of that name, or one of the new name.
        """
        context = self.get(name)
        with self._changing() as known:
            if new in known.contexts:
                raise ParameterError(f"there is a context {new!r} already; choose another name")
            rest = {each: held for each, held in known.contexts.items() if each != name}
            current = new if known.current == name else known.current
            self._write(Known(current, rest | {new: replace(context, name=new)}))

    def delete(self, name: str) -> None:
        """Forget a context.

        Raises:
            ParameterError: there is none of that name.
        """
        self.get(name)
        with self._changing() as known:
            rest = {each: held for each, held in known.contexts.items() if each != name}
            self._write(Known(None if known.current == name else known.current, rest))

    def keep_tokens(self, name: str, tokens: Tokens) -> None:
        """Keep the next tokens of a session; nothing if its context is gone."""
        with self._changing() as known:
            if name in known.contexts:
                renewed = replace(known.contexts[name], tokens=tokens)
                self._write(replace(known, contexts={**known.contexts, name: renewed}))

    @contextmanager
    def _changing(self) -> Iterator[Known]:
        """Keep other processes from changing the file meanwhile."""
        with self.lock("contexts.lock"):
            yield self.read()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that all processes of this user know. It may have to be waited for."""
        make_folder(self.folder)
        with make_file(self.folder / name).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, known: Known) -> None:
        value = {"current": known.current, "contexts": [asdict(each) for each in known.contexts.values()]}
        partial = make_file(self.folder / f".contexts-{os.getpid()}.json")
        partial.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
        partial.replace(self._path)


class TokensInContext:
    """The tokens of a context, shared with all programs of this user that use it."""

    def __init__(self, contexts: Contexts, context: Context) -> None:
        assert context.tokens is not None
        self._contexts, self._name, self._known = contexts, context.name, context.tokens
        self._lock = asyncio.Lock()

    def read(self) -> Tokens:
        return self._known

    def write(self, tokens: Tokens) -> None:
        self._known = tokens
        self._contexts.keep_tokens(self._name, tokens)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        lock = self._contexts.lock("session.lock")
        async with self._lock:
            await asyncio.to_thread(lock.__enter__)
            try:
                self._known = self._contexts.get(self._name).tokens or self._known
                yield
            finally:
                lock.__exit__(None, None, None)
