"""Packages that bring phases: documents name those without importing them."""

from __future__ import annotations

from importlib import import_module

_MODULES: dict[str, str] = {}
"""By package, the module whose import registers all its phases."""


def bring(package: str, module: str) -> None:
    """Let documents name the phases of a package; ``module``, which registers them all, is imported when one does."""
    _MODULES[package] = module


def import_built_in() -> None:
    """Register the phases that eopiez brings."""
    for module in _MODULES.values():
        import_module(module)


def is_built_in(module: str) -> bool:
    """Whether phases of that module need no import."""
    return any(module.startswith(f"{package}.") for package in _MODULES)
