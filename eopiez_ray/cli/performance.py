"""``eopiez performance``: what took how long, in any window and by any group, or within one workflow."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..errors import ParameterError
from .measured import BASELINES, Question, diagnosis, performance
from .requests import AsJson
from .selection import AnyProject
from .sheet import Sheet, figure, word
from .sheet import name as text
from .system import open_system
from .terminal import counted, duration, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
USES = {
    "work": "at work", "limit": "held back by limits", "room": "by lack of room", "retry": "by pauses before retries",
    "dependency": "by dependencies", "idle": "with nothing to do",
}  # fmt: skip
HOLDS = {"limit": "limits", "room": "lack of room", "retry": "pauses before retries"}
LEAST_SHARE = 0.005
"""Smaller shares are not worth a word."""
COLOURS = {"slower": "red", "faster": "green"}


class By(StrEnum):
    """What results are told apart by."""

    PROJECT = "project"
    PLAN = "plan"
    STEP = "step"
    PHASE = "phase"
    VERSION = "version"
    NODE = "node"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("performance")(show_performance)


def show_performance(
    workflow: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Diagnose this workflow instead.", show_default=False),
    ] = None,
    window: Annotated[
        str, typer.Option("--window", "-w", metavar="TIME", help="How far to look back: 90s, 30m, 24h, 7d, 4w.")
    ] = "24h",
    by: Annotated[
        list[By] | None,
        typer.Option("--by", help="Tell apart by this; can be repeated. Plan and step by default.", show_default=False),
    ] = None,
    plan: Annotated[str | None, typer.Option(help="Only of this plan.", show_default=False)] = None,
    step: Annotated[str | None, typer.Option(help="Only of this step.", show_default=False)] = None,
    phase: Annotated[str | None, typer.Option(help="Only of this phase.", show_default=False)] = None,
    version: Annotated[str | None, typer.Option(help="Only of this version.", show_default=False)] = None,
    node: Annotated[str | None, typer.Option(help="Only on this node.", show_default=False)] = None,
    project: AnyProject = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Compare with the window `before`, a `day` or a `week` earlier, or with a version: `version=2`.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Show at most this many.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show what tasks took, those first that took most in all; with an ID, where the time of that workflow went.

    What is measured is kept by standing orchestrators (**eopiez up**, **eopiez orchestrate**). Percentiles are off by
    1 % at most. A workflow is diagnosed from its own tasks, wherever it ran.
    """
    if workflow is not None:
        _diagnose(workflow, as_json=as_json)
        return
    given = {"plan": plan, "step": step, "phase": phase, "version": version, "node": node}
    where = {name: value for name, value in given.items() if value is not None}
    groups = [each.value for each in by or (By.PLAN, By.STEP)]
    question = Question(window_of(window), groups, where, project, *_baseline(against))
    with open_system() as system:
        found = performance(system, question)
    if as_json:
        for each in found["groups"][:limit]:
            print_json(each)
        return
    _used(found["utilisation"])
    if not found["groups"]:
        err().print("Nothing was measured there. `eopiez up` and `eopiez orchestrate` measure what they drive.")
        return
    _ended(found["ended"])
    _sheet(found["groups"][:limit], groups, is_compared=against is not None).print(out())


def window_of(text: str) -> timedelta:
    """A length of time.

    Raises:
        ParameterError: it is none.
    """
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if match is None or not int(match[1]):
        raise ParameterError(f"the window is {text[:40]!r}; give a number and a unit, such as 90s, 30m, 24h, 7d or 4w")
    window = timedelta(**{UNITS[match[2]]: int(match[1])})
    if window > timedelta(days=400):
        raise ParameterError(f"the window is {text!r}, but at most 400 days are kept")
    return window


def _baseline(against: str | None) -> tuple[str | None, str | None]:
    """What to compare with: an earlier window, or another version."""
    if against is None or against in BASELINES:
        return against, None
    if against.startswith("version="):
        return None, against.removeprefix("version=")
    raise ParameterError(f"--against {against[:40]!r} is none of before, day, week and version=NAME")


def _ended(ended: list[Mapping[str, Any]]) -> None:
    for each in ended:
        took = each["took"]
        line = f"{counted(each['workflows'], 'workflow')} {each['status']}"
        out().print(f"{line}, median {duration(took['p50_s'])}, p95 {duration(took['p95_s'])}", markup=False)


def _used(used: Mapping[str, Any]) -> None:
    """Where the time of slots went, and what held work back."""
    if used["slots"] is not None:
        shares = [f"{share:.0%} {USES[use]}" for use, share in used["uses"].items() if share >= LEAST_SHARE]
        computed = "" if used["computing"] is None else f" (computing for {used['computing']:.0%} of that)"
        shares[:1] = [shares[0] + computed] if used["uses"]["work"] >= LEAST_SHARE else shares[:1]
        out().print(f"{used['slots']:.1f} slots: {', '.join(shares)}", markup=False)
    held = [f"{duration(seconds)} by {HOLDS[by]}" for by, seconds in used["held_back_s"].items() if seconds >= 1]
    if held:
        out().print(f"Ready work was held back, times the slots that it needs, for {', '.join(held)}", markup=False)


def _sheet(groups: list[Mapping[str, Any]], by: list[str], *, is_compared: bool) -> Sheet:
    names = [text(each.capitalize()) for each in by]
    figures = [figure("Tasks"), figure("Failed", 4), figure("p50"), figure("p95"), figure("p99", 3)]
    rest = [figure("Wait p95", 2), figure("Commit p95", 5), figure("Share", 1)]
    sheet = Sheet(*names, *figures, *rest, *([word("Against")] if is_compared else []))
    for each in groups:
        run = each["run"]
        cells: list[str | Text] = [each["group"][name] for name in by]
        cells += [f"{each['tasks']:,}", f"{each['failed']:,}" if each["failed"] else ""]
        cells += [duration(run[name]) for name in ("p50_s", "p95_s", "p99_s")]
        cells += [duration(each["wait"]["p95_s"]), duration(each["commit"]["p95_s"]), f"{each['run_share']:.0%}"]
        sheet.add(*cells, *([_change(each["comparison"])] if is_compared else []))
    return sheet


def _change(comparison: Mapping[str, Any] | None) -> Text:
    """How the median has changed."""
    if comparison is None:
        return Text("new", "bright_black")
    verdict = str(comparison["verdict"])
    if verdict == "same":
        return Text("same", "bright_black")
    return Text(f"{comparison['p50_ratio'] - 1:+.0%} {verdict}", COLOURS[verdict])


def _diagnose(named: str, *, as_json: bool) -> None:
    with open_system() as system:
        found = diagnosis(system, system.workflow(named))
    if as_json:
        print_json(found)
        return
    if not found["path"]:
        err().print("None of its tasks has finished yet.")
    if found["path"]:
        out().print("Its critical path: the chain of tasks that determined when it ended.")
        _path(found["path"]).print(out())
    for sentence in found["advice"]:
        out().print(f"To shorten it: {sentence}.", markup=False)
    for each in found["stragglers"]:
        where = f"{each['step']}/{each['partition']} on {each['worker']}"
        out().print(f"Straggler: {where}, {each['times_median']:.1f} times the median of its step.", markup=False)
    for each in found["skewed"]:
        sizes = f"{each['most_rows']:,} rows at most, {each['mean_rows']:,.0f} on average"
        out().print(f"Skewed: the partitions of {each['step']} have {sizes}.", markup=False)
    expected = found["forecast"]
    if expected is not None:
        between = f"{duration(expected['earliest_s'])} and {duration(expected['latest_s'])}"
        out().print(f"It ends in about {duration(expected['expected_s'])}: between {between}, with 90 %.", markup=False)


def _path(links: list[Mapping[str, Any]]) -> Sheet:
    sheet = Sheet(text("Step"), figure("Partition"), figure("Waited"), figure("Ran"), figure("Above median"))
    for each in links:
        waited, ran, spare = (duration(each[name]) for name in ("waited_s", "run_s", "spare_s"))
        sheet.add(each["step"], str(each["partition"]), waited, ran, spare if each["spare_s"] else "")
    return sheet
