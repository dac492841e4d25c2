"""``eopiez retention show | set | lift``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from ..model.retention import Kept
from .operating import on_database
from .sheet import Sheet, figure, name, word
from .system import read_settings, stay_here
from .terminal import out, print_json

if TYPE_CHECKING:
    from ..model.retention import RetentionRule
    from ..settings import Settings
    from ..store import Database

Project = Annotated[str, typer.Argument(help="The project.", show_default=False)]
Kind = Annotated[Kept, typer.Argument(help="What is kept.", show_default=False)]
FOREVER = "forever"

retention = typer.Typer(
    name="retention",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="How long data is kept after its workflow has ended, by project and kind.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    retention.command("show")(show)
    retention.command("set")(set_rule)
    retention.command("lift")(lift)
    app.add_typer(retention, callback=lambda: stay_here("retention"))


def show(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show the system's rules, which settings give, and those of projects."""

    async def work(database: Database, _settings: Settings) -> list[RetentionRule]:
        from ..store.retention import Retention

        return await Retention(database).rules()

    rules, settings = on_database(work), read_settings()
    system = {kind: getattr(settings, f"retain_{kind.value}_days") for kind in Kept}
    if as_json:
        own = [{"project": rule.project, "kind": rule.kind, "days": rule.days} for rule in rules]
        print_json({"system": system, "projects": own})
        return
    sheet = Sheet(name("project"), word("data"), figure("days"))
    for kind, days in system.items():
        sheet.add("(system)", kind, _shown(days))
    for rule in rules:
        sheet.add(rule.project, rule.kind, _shown(rule.days))
    sheet.print(out())


def set_rule(
    project: Project,
    kind: Kind,
    days: Annotated[str, typer.Argument(help="A number of days, or forever.", show_default=False)],
) -> None:
    """Let a project keep a kind of data for so many days. One process of the system applies it within five minutes.

    Example: eopiez retention set payroll logs 30
    """
    wanted = None if days == FOREVER else _number(days)

    async def work(database: Database, _settings: Settings) -> None:
        from ..model.retention import RetentionRule
        from ..store.retention import Retention

        await Retention(database).set(RetentionRule(project, kind, wanted))

    on_database(work)
    out().print(f"{project} keeps {kind} {_shown(wanted)}{'' if wanted is None else ' days'}.")


def lift(project: Project, kind: Kind) -> None:
    """Let the system's rule hold for a project again."""

    async def work(database: Database, _settings: Settings) -> bool:
        from ..store.retention import Retention

        return await Retention(database).lift(project, kind)

    had_one = on_database(work)
    out().print(f"For {kind} of {project} the system's rule holds{'' if had_one else ', as before'}.")


def _number(days: str) -> float:
    try:
        return float(days)
    except ValueError as error:
        raise ParameterError(f"{days!r} is no number of days; give one such as 30, or {FOREVER}") from error


def _shown(days: float | None) -> str:
    return FOREVER if days is None else f"{days:g}"
