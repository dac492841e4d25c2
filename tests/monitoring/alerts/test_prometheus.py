"""The same rules in Prometheus: they are well-formed, fire when they should, and else do not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from eopiez_ray.monitoring.alerts.built_in import BUILT_IN
from eopiez_ray.monitoring.alerts.prometheus import exported

from .given import rule

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt install prometheus")
ENDED = "eopiez_workflows_ended_total"
ODD = 'a "quoted" \\ back|slash.'
RULES = [*BUILT_IN.values(), rule(
    "odd-names", when={"kind": "rate", "metric": ENDED, "where": {"project": [ODD, "b"]}, "above": 0.1}
)]  # fmt: skip


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the exported rules."""
    document = exported(RULES).document
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
    return tmp_path


def test_what_prometheus_does_not_see_is_named() -> None:
    left_out = set(exported(RULES).left_out)
    assert {"passwords-guessed", "audit-log-broken", "refresh-token-reused"} <= left_out
    assert not left_out & {"disk-full", "api-slow", "queue-grows", "metrics-absent"}


def test_a_projects_rules_are_about_the_project() -> None:
    given = rule("own", when={"kind": "rate", "metric": ENDED, "above": 1})
    (group,) = exported([given], "blue").document["groups"]
    assert group["rules"][0]["expr"] == f'sum(rate({ENDED}{{project="blue"}}[5m])) > 1'


@needs_promtool
def test_exported_rules_are_well_formed(folder: Path) -> None:
    checked = promtool(folder, "check", "rules", "rules.yaml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout


def series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def disk(free: int) -> list[dict[str, str]]:
    return [
        series('eopiez_node_disk_bytes{node="a",state="free"}', f"{free}x40"),
        series('eopiez_node_disk_bytes{node="a",state="used"}', f"{100 - free}x40"),
    ]


def ended(failed: int, project: str = "blue") -> list[dict[str, str]]:
    return [
        series(f'{ENDED}{{project="{project}",status="failed"}}', f"0+{failed}x40"),
        series(f'{ENDED}{{project="{project}",status="succeeded"}}', "0+10x40"),
    ]


def requests(failed: int) -> list[dict[str, str]]:
    name = "eopiez_http_requests_total"
    return [
        series(f'{name}{{method="GET",route="/a",status="200"}}', "0+1000x120"),
        series(f'{name}{{method="GET",route="/a",status="500"}}', f"0+{failed}x120"),
    ]


def answers(slow: int) -> list[dict[str, str]]:
    name = "eopiez_http_request_seconds_bucket"
    return [
        series(f'{name}{{route="/a",le="0.5"}}', f"0+{100 - slow}x60"),
        series(f'{name}{{route="/a",le="10"}}', "0+100x60"),
        series(f'{name}{{route="/a",le="+Inf"}}', "0+100x60"),
    ]


def gauge(name: str, value: float) -> list[dict[str, str]]:
    return [series(f'{name}{{project="blue"}}', f"{value}x60")]


def backup(age: int) -> list[dict[str, str]]:
    return [series("eopiez_backup_age_seconds", f"{age}x60"), series("eopiez_backup_interval_seconds", "86400x60")]


def certificate(days: int) -> list[dict[str, str]]:
    return [series("eopiez_certificate_left_seconds", f"{days * 86_400}x60")]


CASES: list[tuple[str, list[dict[str, str]], list[dict[str, str]]]] = [
    ("disk-full", disk(2), disk(50)),
    ("disk-full-soon", disk(8), disk(50)),
    ("workflows-fail", ended(10), ended(0)),
    ("api-budget-burns", requests(100), requests(0)),
    ("api-slow", answers(50), answers(0)),
    ("backlog-old", gauge("eopiez_queue_age_seconds", 4000), gauge("eopiez_queue_age_seconds", 10)),
    ("orchestrator-gone", [series("eopiez_orchestrators", "0x60")], [series("eopiez_orchestrators", "2x60")]),
    ("backup-too-old", backup(200_000), backup(90_000)),
    ("certificate-ends-soon", certificate(20), certificate(22)),
    ("certificate-ends", certificate(2), certificate(4)),
    ("metrics-absent", [], [series('eopiez_processes{part="gateway"}', "1x60")]),
    ("odd-names", ended(20, "b"), ended(20, "c")),
]
"""A rule, series for which it fires, and series for which it does not."""


@needs_promtool
def test_rules_fire_when_they_should_and_else_do_not(folder: Path) -> None:
    tests = [
        {
            "interval": "1m",
            "input_series": given,
            "promql_expr_test": [{
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                "eval_time": "35m",
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }],
        }
        for name, wrong, well in CASES
        for given, fires in ((wrong, True), (well, False))
    ]  # fmt: skip
    document: dict[str, Any] = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    tested = promtool(folder, "test", "rules", "tests.yaml")
    assert tested.returncode == 0, tested.stdout + tested.stderr
