"""``eopiez chaos``: kill what the engine runs on, and measure what that costs."""

from __future__ import annotations

import json
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from .terminal import counted, duration, err, keep_log, out, print_json, results_only

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ..chaos.campaign import Outcome
    from ..chaos.siege import SiegeOutcome
    from ..chaos.tally import Account, Strike
    from ..chaos.verdict import FaultSummary, RoundResult

BROKEN = 1
"""Exit code when a guarantee was broken."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(chaos)


Faults = Annotated[
    str,
    typer.Option(
        "--faults",
        help="Comma-separated, from worker, orchestrator, raylet, gcs, postgres, postgres-stop, disk, all by default; "
        "or gateway: each part of a whole system, under load over HTTP.",
        show_default=False,
    ),
]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Rounds per fault.")]
Tasks = Annotated[int, typer.Option("--tasks", min=20, max=20_000, help="Tasks per round.")]
Orchestrators = Annotated[int, typer.Option("--orchestrators", min=2, max=8, help="Orchestrator processes per round.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed for choosing moments and victims.")]
StopSeconds = Annotated[
    float, typer.Option("--stop-seconds", min=0.1, help="How long postgres-stop suspends the server.")
]
Home = Annotated[
    Path | None,
    typer.Option("--home", help="Separate data home to use; a temporary one by default.", show_default=False),
]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the temporary data home and its logs.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print rounds as JSON lines on stderr and the result as one object on stdout.")
]


def chaos(
    faults: Faults = "",
    rounds: Rounds = 3,
    tasks: Tasks = 200,
    orchestrators: Orchestrators = 2,
    seed: Seed = 0,
    stop_seconds: StopSeconds = 10.0,
    home: Home = None,
    keep: Keep = False,
    as_json: AsJson = False,
) -> None:
    """Kill workers, the orchestrator, Ray and Postgres under load, and measure what that costs.

    Runs in its own data home. Exits with code 1 if a guarantee was broken. Ctrl-C shows the rounds so far.
    """
    from ..chaos import siege
    from ..chaos.campaign import Orders, carry_out, expected_s
    from ..chaos.verdict import parse_faults

    chosen = parse_faults(faults)
    orders = Orders(
        faults=chosen.faults,
        rounds=rounds,
        tasks=tasks,
        orchestrators=orchestrators,
        seed=seed,
        stop_s=stop_seconds,
        home=home or Path(tempfile.mkdtemp(prefix="eopiez-chaos-")),
        is_temporary=home is None and not keep,
    )
    besieging = (
        siege.SiegeOrders(rounds=rounds, seed=seed, home=orders.home / "gateway") if chosen.has_gateway else None
    )
    keep_log(orders.home)
    if not as_json:
        count = counted((len(orders.faults) + (len(besieging.victims) if besieging else 0)) * rounds, "round")
        seconds = expected_s(orders) + (siege.expected_s(besieging) if besieging else 0)
        err().print(f"{count}, about {duration(seconds)}")
    with results_only(), _one_interrupt():
        besieged = siege.lay_siege(besieging, _json_strike if as_json else _strike_line) if besieging else None
        if besieged and not besieged.is_kept:
            orders = replace(orders, is_temporary=False)  # It is evidence.
        outcome = carry_out(orders, _json_line if as_json else _line)
        _show(outcome, besieged, orders.home, as_json=as_json)
    if orders.home.exists() and not as_json:
        err().print(f"The data home is {escape(str(orders.home))}")
    if not (outcome.is_kept and (besieged is None or besieged.is_kept)):
        raise typer.Exit(BROKEN)
    if outcome.was_interrupted:
        raise KeyboardInterrupt


def _show(outcome: Outcome, besieged: SiegeOutcome | None, home: Path, *, as_json: bool) -> None:
    if as_json:
        gateway = {"gateway": _siege_value(besieged)} if besieged else {}
        print_json(_value(outcome) | gateway | {"home": home if home.exists() else None})
        return
    if outcome.summaries:
        out().print(_table(outcome))
    if besieged:
        out().print(_siege_table(besieged))
        out().print(_account_line(besieged.account))


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the rounds once; further signals are ignored during cleanup."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for heard in earlier:
            signal.signal(heard, signal.SIG_IGN)
        raise KeyboardInterrupt

    earlier = {wanted: signal.signal(wanted, stop) for wanted in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _line(number: int, result: RoundResult) -> None:
    verdict = f"[red]{escape('; '.join(result.breaches))}[/]" if result.breaches else "[green]kept[/]"
    figures = f"next task after {duration(result.next_s)}, {result.in_flight_again} in flight run again"
    err().print(f"{result.fault} {number + 1}: {verdict} · {figures}")


def _json_line(number: int, result: RoundResult) -> None:
    typer.echo(json.dumps({"event": "round", "round": number + 1} | _plain(result)), err=True)


def _table(outcome: Outcome) -> Table:
    table = Table(
        "Fault", "Rounds", "Lost", "Twice", "\nDone\nagain", "In\nflight\nagain", "\nNext\ntask", "\n\nworst",
        "\nWorst\nstall", "Verdict", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True,
    )  # fmt: skip
    table.columns[0].no_wrap = True
    table.columns[0].min_width = max((len(summary.fault) for summary in outcome.summaries), default=0)
    for column in table.columns[1:9]:
        column.justify = "right"
    for summary in outcome.summaries:
        table.add_row(*_cells(summary))
    return table


def _cells(summary: FaultSummary) -> list[str]:
    figures = [summary.rounds, summary.lost, summary.duplicated, summary.finished_again, summary.in_flight_again]
    seconds = [summary.next_median_s, summary.next_worst_s, summary.stall_worst_s]
    colour = "red" if summary.breaches else "yellow" if summary.skipped else "green"
    verdict = f"[{colour}]{escape(summary.verdict)}[/]"
    return [summary.fault.value, *map(str, figures), *map(duration, seconds), verdict]


def _strike_line(strike: Strike) -> None:
    verdict = f"[red]{escape('; '.join(strike.breaches))}[/]" if strike.breaches else "[green]kept[/]"
    met = ", ".join(f"{count} {name}" for name, count in sorted(strike.statuses.items()))
    err().print(f"{strike.victim}: {verdict} · no answer for {duration(strike.away_s)} · {escape(met)}")


def _json_strike(strike: Strike) -> None:
    figures = {"victim": strike.victim, "away_s": strike.away_s, "met": strike.statuses, "breaches": strike.breaches}
    typer.echo(json.dumps({"event": "strike"} | figures), err=True)


def _siege_table(outcome: SiegeOutcome) -> Table:
    table = Table(
        "Killed", "Rounds", "Requests", "Broken", "429, 503", "500", "No answer", "worst", "Verdict",
        box=box.SIMPLE_HEAD, pad_edge=False,
    )  # fmt: skip
    for column in table.columns[1:8]:
        column.justify = "right"
    for each in outcome.summaries:
        met = each.statuses
        figures = [each.rounds, each.requests, met.get("broken", 0), met.get("429", 0) + met.get("503", 0)]
        verdict = f"[red]broken: {escape('; '.join(each.breaches))}[/]" if each.breaches else "[green]kept[/]"
        table.add_row(
            each.victim.value, *map(str, figures), str(met.get("500", 0)), duration(each.away_median_s),
            duration(each.away_worst_s), verdict,
        )  # fmt: skip
    return table


def _account_line(account: Account) -> str:
    accepted = counted(account.accepted, "workflow")
    if account.breaches:
        return f"[red]{accepted} accepted: {escape('; '.join(account.breaches))}[/]"
    return f"[green]{accepted} accepted: none lost, none doubled, no wrong answer[/]"


def _siege_value(outcome: SiegeOutcome) -> dict[str, Any]:
    victims = [_plain(summary) for summary in outcome.summaries]
    return {"kept": outcome.is_kept, "victims": victims, "account": _plain(outcome.account)}


def _value(outcome: Outcome) -> dict[str, Any]:
    faults = [_plain(summary) | {"verdict": summary.verdict} for summary in outcome.summaries]
    return {"kept": outcome.is_kept, "interrupted": outcome.was_interrupted, "faults": faults}


def _plain(value: Any) -> dict[str, Any]:
    return asdict(value)
