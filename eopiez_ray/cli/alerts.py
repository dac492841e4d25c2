"""``eopiez alerts``: what is wrong; rules, silences and channels."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ..errors import NotDeliveredError, ParameterError
from .alerting import alerts_of_system
from .clean import parse_age
from .sheet import Sheet, name, word
from .terminal import ago, counted, err, moment, out, print_data, print_json

if TYPE_CHECKING:
    from ..monitoring.alerts.rules import Rule

Project = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of this project; by default the system's own.", show_default=False)
]
File = Annotated[str, typer.Argument(metavar="FILE", help="Rules in YAML or JSON; - for standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
ChannelName = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.", show_default=False)]

alerts = typer.Typer(
    name="alerts",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Say what is wrong, and who is told: rules, channels, silences.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    alerts.command("list")(list_alerts)
    alerts.command("test")(try_channel)
    for command in (acknowledge, rules, check, apply, delete, export, silence, silences, unsilence, channels, channel):
        alerts.command(command.__name__)(command)
    app.add_typer(alerts)


def list_alerts(
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    project: Annotated[str | None, typer.Option(help="About this project alone.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List alerts that are pending or firing, the newest first."""
    statuses = () if everything else ("pending", "firing")
    found = alerts_of_system().alerts(statuses, project, limit)
    if as_json:
        for each in found:
            print_json(each)
        return
    if not found:
        err().print("Nothing is wrong." if not everything else "Nothing has been wrong.")
        return
    sheet = Sheet(
        word("Id", 1), word("Status"), word("Severity"), name("Rule"), name("What"), word("Since", 1), name("By", 2)
    )
    for each in found:
        sheet.add(
            str(each["id"]), str(each["status"]), str(each["severity"]), each["rule"], each["summary"],
            ago(_time(each["started_at"])), each["acknowledged_by"],
        )  # fmt: skip
    sheet.print(out())


def acknowledge(
    alert: Annotated[str, typer.Argument(metavar="ID", help="The alert's id.", show_default=False)],
    comment: Annotated[str, typer.Option(help="What you want to say.")] = "",
) -> None:
    """Say that you take care of an alert: nobody is told again, and it escalates no further."""
    alerts_of_system().acknowledge(alert, comment)
    err().print(f"{escape(alert)} is acknowledged.")


def rules(project: Project = None, built_in: Annotated[
    bool, typer.Option("--built-in", help="The rules that hold from the beginning, instead.")
] = False) -> None:  # fmt: skip
    """Print rules as a file, which `apply` takes."""
    from ..monitoring.alerts.files import write_rules

    print_data(write_rules(_built_in() if built_in else _written(project)).rstrip("\n"))


def check(file: File, project: Project = None) -> None:
    """Say whether a file of rules is right, or what is wrong with it and where."""
    found = _read(file, project)
    out().print(f"Right: {counted(len(found), 'rule')}.")


def apply(file: File, project: Project = None) -> None:
    """Write the rules in a file; others stay as they are. A rule of the system may take a built-in one's place.

    **Examples**

    ```
    eopiez alerts apply rules.yaml
    eopiez alerts apply rules.yaml --project research
    ```
    """
    found = _read(file, project)
    alerts_of_system().apply(project, found)
    err().print(f"{counted(len(found), 'rule')} written.")


def delete(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The rule's name.", show_default=False)],
    project: Project = None,
) -> None:
    """Delete a rule; its alerts end. Where it took a built-in rule's place, that one holds again."""
    alerts_of_system().drop_rule(project, rule)
    err().print(f"{escape(rule)} is deleted.")


def export(
    prometheus: Annotated[bool, typer.Option("--prometheus", help="As a rule file of Prometheus.")] = False,
    project: Project = None,
) -> None:
    """Print all rules that hold: those that were written, and the built-in ones of the system."""
    from ..monitoring.alerts.files import write_rules, write_yaml
    from ..monitoring.alerts.prometheus import exported

    found = {rule.name: rule for rule in [*(_built_in() if project is None else []), *_written(project)]}
    if not prometheus:
        print_data(write_rules(found.values()).rstrip("\n"))
        return
    result = exported(found.values(), project)
    print_data(write_yaml(result.document).rstrip("\n"))
    if result.left_out:
        err().print(f"Left out, since Prometheus does not see events: {', '.join(result.left_out)}.", markup=False)


def silence(
    duration: Annotated[str, typer.Argument(metavar="DURATION", help="Such as 30m, 12h or 7d.", show_default=False)],
    rule: Annotated[str | None, typer.Option(help="Only alerts of this rule.", show_default=False)] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only alerts with this label.", show_default=False)
    ] = None,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
    project: Project = None,
) -> None:
    """Let nobody be told for a while; what still fires then is told."""
    ends_at = datetime.now(UTC) + parse_age(duration)
    wanted = {
        "rule": rule, "labels": dict(map(_label, label or [])), "ends_at": ends_at.isoformat(), "comment": comment,
    }  # fmt: skip
    alerts_of_system().silence(project, wanted)
    err().print(f"Silent until {ends_at.astimezone():%Y-%m-%d %H:%M}.")


def silences(
    project: Annotated[str | None, typer.Option(help="Of this project alone.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List silences that have not ended."""
    found = alerts_of_system().silences(project)
    if as_json:
        for each in found:
            print_json(each)
        return
    if not found:
        err().print("Nothing is silenced.")
        return
    sheet = Sheet(word("Id"), name("Project", 1), name("Rule"), name("Labels", 1), word("Until"), name("Why", 2))
    for each in found:
        labels = ", ".join(f"{key}={value}" for key, value in each["labels"].items())
        sheet.add(
            str(each["id"]), each["project"] or "", each["rule"] or "any", labels,
            moment(_time(each["ends_at"])), each["comment"],
        )  # fmt: skip
    sheet.print(out())


def unsilence(
    silence: Annotated[str, typer.Argument(metavar="ID", help="The silence's id.", show_default=False)],
) -> None:
    """End a silence: whatever still fires is told now."""
    alerts_of_system().end_silence(silence)
    err().print("The silence is over.")


def channels(project: Project = None, as_json: AsJson = False) -> None:
    """List channels, without their URLs."""
    found = alerts_of_system().channels(project)
    if as_json:
        for each in found:
            print_json(each)
        return
    if not found:
        err().print("No channels: nobody is told of alerts. `eopiez alerts channel NAME` makes one.")
        return
    sheet = Sheet(name("Name"), word("Severity"), word("State"), name("Written by", 1), word("Written", 2))
    for each in found:
        spec = each["spec"]
        state = "on" if spec.get("enabled", True) else "off"
        sheet.add(each["name"], spec.get("severity", "info"), state, each["updated_by"], ago(_time(each["updated_at"])))
    sheet.print(out())


def channel(
    channel: ChannelName,
    severity: Annotated[str, typer.Option(help="Only alerts of this severity and above.")] = "info",
    after: Annotated[str, typer.Option(help="Only what nobody has acknowledged for so long, such as 15m.")] = "0s",
    repeat: Annotated[str, typer.Option(help="Tell it again after so long, such as 4h.")] = "0s",
    signed: Annotated[bool, typer.Option("--signed", help="Ask for the secret that signs what is sent.")] = False,
    alertmanager: Annotated[bool, typer.Option("--alertmanager", help="The URL is that of an Alertmanager.")] = False,
    project: Project = None,
) -> None:
    """Write a channel. Its URL is asked for, or read from standard input: no list of processes shows it.

    The URL is a webhook's (`https://…`), one of Apprise's such as `mailtos://…` or `slack://…`, or with
    `--alertmanager` that of an Alertmanager.
    """
    is_terminal = sys.stdin.isatty()
    url = typer.prompt("URL", hide_input=True) if is_terminal else sys.stdin.readline().strip()
    spec: dict[str, Any] = {"url": url, "severity": severity, "after": after, "repeat": repeat}
    if alertmanager:
        spec["kind"] = "alertmanager"
    if signed:
        spec["secret"] = typer.prompt("Secret", hide_input=True) if is_terminal else sys.stdin.readline().strip()
    alerts_of_system().put_channel(project, channel, spec)
    err().print(f"{escape(channel)} is told of alerts; `eopiez alerts test {escape(channel)}` sends a try.")


def try_channel(channel: ChannelName, project: Project = None) -> None:
    """Send a message for a try, now."""
    answer = alerts_of_system().test(project, channel)
    if not answer["is_delivered"]:
        raise NotDeliveredError(f"it was not delivered: {answer['error']}")
    out().print("Delivered.")


def _read(file: str, project: str | None) -> list[Rule]:
    from ..monitoring.alerts.files import read_rules

    if file == "-":
        return read_rules(sys.stdin.read(), "standard input", project)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is no UTF-8'}") from error
    return read_rules(text, file, project)


def _written(project: str | None) -> list[Rule]:
    from ..monitoring.alerts.rules import Rule

    return [Rule.model_validate(document) for document in alerts_of_system().rules(project)]


def _built_in() -> list[Rule]:
    from ..monitoring.alerts.built_in import BUILT_IN

    return [*BUILT_IN.values()]


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ParameterError(f"the label is {text!r}; write NAME=VALUE")
    return key, value


def _time(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)
