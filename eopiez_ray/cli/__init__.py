"""The command line: one module per command, which imports heavy libraries only when the command runs."""

from __future__ import annotations

from .app import app, main

__all__ = ["app", "main"]
