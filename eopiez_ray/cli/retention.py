"""``eopiez retention show | set | lift``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ParameterError
from ..model.retention import Kept
from .asking import ask
from .operating import on_database
from .sheet import Sheet, figure, name, word
from .system import is_elsewhere, read_settings
from .terminal import out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    app.add_typer(retention)


def show(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show the system's rules, which settings give, and those of projects."""
    system, rules = _rules_elsewhere() if is_elsewhere() else _rules_here()
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

    if is_elsewhere():
        ask("PUT", f"retention/{project}/{kind}", {"days": wanted})
    else:
        on_database(work)
    out().print(f"{project} keeps {kind} {_shown(wanted)}{'' if wanted is None else ' days'}.")


def lift(project: Project, kind: Kind) -> None:
    """Let the system's rule hold for a project again."""

    async def work(database: Database, _settings: Settings) -> bool:
        from ..store.retention import Retention

        return await Retention(database).lift(project, kind)

    if is_elsewhere():
        ask("DELETE", f"retention/{project}/{kind}")
        as_before = ""
    else:
        as_before = "" if on_database(work) else ", as before"
    out().print(f"For {kind} of {project} the system's rule holds{as_before}.")


def _rules_here() -> tuple[Mapping[Kept, float | None], list[RetentionRule]]:
    async def work(database: Database, _settings: Settings) -> list[RetentionRule]:
        from ..store.retention import Retention

        return await Retention(database).rules()

    settings = read_settings()
    return {kind: getattr(settings, f"retain_{kind.value}_days") for kind in Kept}, on_database(work)


def _rules_elsewhere() -> tuple[Mapping[Kept, float | None], list[RetentionRule]]:
    from ..model.retention import RetentionRule

    found = ask("GET", "retention")
    own = [RetentionRule(each["project"], Kept(each["data"]), each["days"]) for each in found["projects"]]
    return {Kept(kind): days for kind, days in found["system"].items()}, own


def _number(days: str) -> float:
    try:
        return float(days)
    except ValueError as error:
        raise ParameterError(f"{days!r} is no number of days; give one such as 30, or {FOREVER}") from error


def _shown(days: float | None) -> str:
    return FOREVER if days is None else f"{days:g}"
