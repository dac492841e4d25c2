"""The phases that plans may name, besides the content phases: those of modules that an operator names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..authoring.plans.imports import import_phases

if TYPE_CHECKING:
    from ..settings import Settings


def import_modules(settings: Settings) -> None:
    """Register the phases of the modules in the settings.

    Raises:
        PlanError: a module cannot be imported.
    """
    for name in settings.gateway_modules:
        import_phases(name, settings.home)
