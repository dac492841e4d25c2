"""The command line: each command is in the module of its name, which imports what is heavy when it is run."""

from __future__ import annotations

from .app import app, main

__all__ = ["app", "main"]
