"""The page on alerts: it names every built-in rule as it is, every key, and its example holds."""

from __future__ import annotations

import json
import os
import re
from typing import get_args

import yaml

from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.channels import ChannelSpec
from eopiez_ray.monitoring.alerts.durations import written
from eopiez_ray.monitoring.alerts.files import read_rules
from eopiez_ray.monitoring.alerts.rules import Condition, Rule, RuleFile
from eopiez_ray.monitoring.alerts.sending import HOSTED, MAIL
from tests.documents import ROOT

PAGE = ROOT / "docs/alerts.md"
SCHEMA = ROOT / "docs/alert-rules.schema.json"
MARK = "<!-- built-in rules -->"


def table() -> str:
    """All built-in rules, a row each."""
    rows = ["| rule | severity | for | says |", "|---|---|---|---|"]
    for rule in BUILT_IN.values():
        hold = written(rule.hold) if rule.hold else "at once"
        rows.append(f"| `{rule.name}` | {rule.severity.value} | {hold} | {rule.summary} |")
    return "\n".join(rows)


def test_the_page_lists_all_built_in_rules() -> None:
    text = PAGE.read_text()
    begin = text.index(MARK) + len(MARK)
    end = text.index("\n## ", begin)
    if os.environ.get("EOPIEZ_WRITE_DOCS"):
        PAGE.write_text(f"{text[:begin]}\n\n{table()}\n{text[end:]}")
    assert PAGE.read_text()[begin:].partition("\n## ")[0].strip() == table()


def test_the_schema_is_that_of_the_code() -> None:
    schema = json.dumps(RuleFile.model_json_schema(), indent=2) + "\n"
    if os.environ.get("EOPIEZ_WRITE_DOCS"):
        SCHEMA.write_text(schema)
    assert SCHEMA.read_text() == schema


def test_the_example_is_a_file_of_rules() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (rule,) = read_rules(example, "the page")
    assert yaml.safe_load(example)["rules"][0]["name"] == rule.name


def test_every_key_is_described() -> None:
    described = set(re.findall(r"`([\w-]+)(?:://)?`", PAGE.read_text()))
    fields = {field.alias or name for name, field in Rule.model_fields.items()}
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Condition)[0])}
    assert fields | kinds | set(ChannelSpec.model_fields) | HOSTED | MAIL <= described
