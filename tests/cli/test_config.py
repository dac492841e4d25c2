"""Settings, shown and checked: origins are right, secrets stay hidden, and what is wrong is said with what to do."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from eopiez_ray.cli import app
from eopiez_ray.settings import JOB_FACTS, Settings, secrets, variable
from eopiez_ray.supervision.configuration import OTHERS
from tests.documents import ROOT

HUSH = "hush-hush-hush-hush-hush-hush-hush"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("EOPIEZ_")]:
        monkeypatch.delenv(name)


def config(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """The objects that a command prints."""
    ran = CliRunner().invoke(app, ["config", *arguments, "--json"])
    assert ran.exit_code == code, ran.output
    assert HUSH not in ran.output
    return [json.loads(line) for line in ran.stdout.splitlines()]


def said(code: int = 0) -> dict[str, str]:
    """What the check says of each setting."""
    return {each["subject"]: f"{each['facts']}; {each['advice']}" for each in config("check", code=code)}


def test_each_setting_is_shown_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path))
    (tmp_path / "EOPIEZ_ARTIFACT_URL").write_text("s3://bucket/path")
    (tmp_path / "EOPIEZ_CPUS").write_text("7")
    monkeypatch.setenv("EOPIEZ_CPUS", "3")
    monkeypatch.setenv(JOB_FACTS, json.dumps({"metadata": {"job_submission_id": "one"}}))
    shown = {each["variable"]: (each["value"], each["origin"]) for each in config("show", "--all")}
    assert list(shown) == [variable(name) for name in Settings.model_fields]
    assert shown["EOPIEZ_CPUS"] == (3, "environment")
    assert shown["EOPIEZ_ARTIFACT_URL"] == ("s3://bucket/path", "file")
    assert shown["EOPIEZ_RAY_ADDRESS"] == ("auto", "job")
    assert shown["EOPIEZ_LEASE_S"] == (15.0, "default")
    assert len(config("show")) == 3


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"database_url", "pooler_url", "secret_key", "oidc_client_secret", "audit_webhook"} <= set(secrets())
    for name in secrets():
        monkeypatch.setenv(variable(name), f"postgresql://me:{HUSH}@db/x" if name.endswith("r_url") else HUSH)
    monkeypatch.setenv("EOPIEZ_DATABASE_URL", f"postgresql://me:{HUSH}@db/eopiez")
    shown = {each["variable"]: each["value"] for each in config("show")}
    assert shown["EOPIEZ_DATABASE_URL"] == "postgresql://me:***@db/eopiez"
    assert shown["EOPIEZ_SECRET_KEY"] == "(hidden)"
    assert HUSH not in CliRunner().invoke(app, ["config", "show"]).output
    assert [each["subject"] for each in config("check", code=1)] == ["EOPIEZ_ENCRYPTION", "EOPIEZ_OTLP_HEADERS"]
    monkeypatch.delenv("EOPIEZ_ENCRYPTION_KEYS")
    monkeypatch.delenv("EOPIEZ_OTLP_HEADERS")
    config("check")


def test_what_is_in_order_is_said() -> None:
    ran = CliRunner().invoke(app, ["config", "check"])
    assert (ran.exit_code, ran.output) == (0, "All settings are in order.\n")


def test_mistyped_names_are_found_in_variables_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_DATABSE_URL", "postgresql://db/eopiez")
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path))
    (tmp_path / "EOPIEZ_LEASES").write_text("20")
    found = said()
    assert "did you mean EOPIEZ_DATABASE_URL?" in found["EOPIEZ_DATABSE_URL"]
    assert "did you mean EOPIEZ_LEASE_S?" in found["EOPIEZ_LEASES"]


def test_all_invalid_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_CPUS", "none")
    monkeypatch.setenv("EOPIEZ_LEASE_S", "0")
    found = said(1)
    assert "it is 'none'" in found["EOPIEZ_CPUS"]
    assert "greater than 0" in found["EOPIEZ_LEASE_S"]


def test_a_folder_that_is_none_and_files_that_others_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path / "nothing"))
    assert "is not a folder" in said(1)["EOPIEZ_SETTINGS_FOLDER"]
    monkeypatch.setenv("EOPIEZ_SETTINGS_FOLDER", str(tmp_path))
    path = tmp_path / "EOPIEZ_SECRET_KEY"
    path.write_text(HUSH)
    path.chmod(0o644)
    assert f"chmod 600 {path}" in said()["EOPIEZ_SECRET_KEY"]
    path.chmod(0o600)
    assert said() == {}


@pytest.mark.parametrize(
    ("given", "subject", "code"),
    [
        ({"EOPIEZ_DATABASE_URL": "db:5432"}, "EOPIEZ_DATABASE_URL", 1),
        ({"EOPIEZ_POOLER_URL": "postgresql://pooler/eopiez"}, "EOPIEZ_POOLER_URL", 1),
        ({"EOPIEZ_SECRET_KEY": "short"}, "EOPIEZ_SECRET_KEY", 1),
        ({"EOPIEZ_AUTOSCALING": "true"}, "EOPIEZ_AUTOSCALING", 0),
        ({"EOPIEZ_RAY_ADDRESS": "head:6379"}, "EOPIEZ_ARTIFACT_URL", 0),
        ({"EOPIEZ_GATEWAY_MIN_REPLICAS": "9"}, "EOPIEZ_GATEWAY_MAX_REPLICAS", 0),
        ({"EOPIEZ_GATEWAY_HOST": "0.0.0.0"}, "EOPIEZ_SECRET_KEY", 0),
        ({"EOPIEZ_OIDC_ISSUER": "https://id.example.com"}, "EOPIEZ_OIDC_CLIENT_SECRET", 0),
        ({"EOPIEZ_METRICS_FINE_HOURS": "100"}, "EOPIEZ_METRICS_MINUTE_HOURS", 0),
    ],
)
def test_what_does_not_go_together_is_said(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], subject: str, code: int
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert list(said(code)) == [subject]


def test_a_collector_without_what_exports_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOPIEZ_OTLP_URL", "http://127.0.0.1:4318/v1/traces")
    assert said() == {}
    monkeypatch.setitem(sys.modules, "opentelemetry.proto", cast("Any", None))  # As if it were missing.
    assert "eopiez-ray[tracing]" in said(1)["EOPIEZ_OTLP_URL"]


def test_every_variable_that_the_program_reads_is_known() -> None:
    texts = (path.read_text("utf-8") for path in (ROOT / "eopiez_ray").rglob("*.py"))
    read = {name for text in texts for name in re.findall(r'"(EOPIEZ_[A-Z_]+[A-Z])"', text)}
    assert read <= {*map(variable, Settings.model_fields), *OTHERS}


def test_master_keys_that_others_can_read_or_that_are_none_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys"
    file.write_text("m1:AAAA")
    file.chmod(0o644)
    monkeypatch.setenv("EOPIEZ_ENCRYPTION_KEY_FILE", str(file))
    found = said(code=1)
    assert "is no master key" in found["EOPIEZ_ENCRYPTION"]
    assert "others on this machine" in found["EOPIEZ_ENCRYPTION_KEY_FILE"]
