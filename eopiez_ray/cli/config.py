"""``eopiez config show | check``: the settings of this machine, where they are from, and what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from .doctor import ILL, print_finding
from .sheet import Sheet, name, word
from .system import read_settings
from .terminal import err, out, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]

config = typer.Typer(
    name="config",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Show and check the settings of this machine. **docs/settings.md** describes all of them.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (show, check):
        config.command()(command)
    app.add_typer(config)


def show(
    everything: Annotated[bool, typer.Option("--all", help="Those that have their default, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show settings with their values and origins: default, environment, file, or the Ray job. Secrets are hidden."""
    from ..supervision.configuration import Origin, shown

    known = [each for each in shown(read_settings()) if everything or each.origin is not Origin.DEFAULT]
    if as_json:
        for each in known:
            print_json(asdict(each))
        return
    if not known:
        err().print("All settings have their defaults; --all shows them.")
        return
    sheet = Sheet(word("Setting"), name("Value"), word("Origin"))
    for each in known:
        sheet.add(each.variable, "unset" if each.value is None else str(each.value), each.origin)
    sheet.print(out())


def check(as_json: AsJson = False) -> None:
    """Say what is wrong with the settings, and what to do. Exit code 1 if something is bad.

    It starts nothing and asks nobody; `eopiez doctor` also looks whether database, Ray and artifacts answer.
    """
    from ..supervision.configuration import check as check_settings
    from ..supervision.examination import Verdict

    found = check_settings()
    for finding in found:
        if as_json:
            print_json(asdict(finding))
        else:
            print_finding(finding)
    if not found and not as_json:
        err().print("All settings are in order.")
    if any(finding.verdict is Verdict.BAD for finding in found):
        raise typer.Exit(ILL)
