"""Packages that provide phases, which documents can name without importing them."""

from __future__ import annotations

from importlib import import_module

_MODULES: dict[str, str] = {}
"""The module of each package whose import registers all its phases."""


def bring(package: str, module: str) -> None:
    """Let documents name a package's phases; ``module``, which registers them all, is imported when one does."""
    _MODULES[package] = module


def import_built_in() -> None:
    """Register the built-in phases."""
    for module in _MODULES.values():
        import_module(module)


def is_built_in(module: str) -> bool:
    """Whether that module's phases need no import."""
    return any(module.startswith(f"{package}.") for package in _MODULES)
