"""The command line. Everything heavy is imported by the command that needs it, so that ``--help`` is quick."""

from __future__ import annotations

from .app import app, main

__all__ = ["app", "main"]
