"""``cluster.yaml``: Ray's own schema accepts it, and its commands and variables exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from eopiez_ray.settings import FOLDER, Settings, variable
from tests.documents import ROOT

TEXT = (ROOT / "cluster.yaml").read_text("utf-8")


def configurations() -> dict[str, dict[str, Any]]:
    """The file as it stands, and with each of the blocks for clouds in place of what it replaces."""
    local: dict[str, Any] = yaml.safe_load(TEXT)
    found = {"local": local}
    for name, block in re.findall(r"^# --- (\w+) ---\n(.*?)(?=^# ---)", TEXT, re.MULTILINE | re.DOTALL):
        found[name] = local | yaml.safe_load(re.sub(r"^# ?", "", block, flags=re.MULTILINE))
    return found


def test_ray_accepts_it_as_it_stands_and_for_each_cloud() -> None:
    """In a process of its own: whoever imports Ray first decides how a process signs in to clusters."""
    known = configurations()
    assert list(known) == ["local", "aws", "gcp"]
    given = "".join(json.dumps(each) + "\n" for each in known.values())
    program = [sys.executable, "-m", "tests.engine.checked_cluster"]
    ended = subprocess.run(program, input=given, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["local.cluster.node", "cpu gpu head", "cpu gpu head"]


def test_every_variable_is_a_setting() -> None:
    settings = {variable(name) for name in Settings.model_fields} | {FOLDER}
    assert set(re.findall(r"EOPIEZ_\w+", TEXT)) <= settings
    assert {"EOPIEZ_AUTOSCALING", "EOPIEZ_DATABASE_URL", "EOPIEZ_ARTIFACT_URL", FOLDER} <= set(
        re.findall(r"EOPIEZ_\w+", TEXT)
    )


RAY = """#!/bin/sh
echo "$@ mode=$RAY_AUTH_MODE settings=$EOPIEZ_SETTINGS_FOLDER redis=${RAY_REDIS_ADDRESS-unset}"
"""


def started(key: str, folder: Path, redis: str = "") -> str:
    """What the shell gives Ray; a real one would stop all clusters of this machine first."""
    (folder / "ray").write_text(RAY)
    (folder / "ray").chmod(0o700)
    commands = [
        each.replace("redis=;", f"redis={redis};") for each in configurations()["local"][key] if "ray start" in each
    ]
    own = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": "/home/ubuntu", "RAY_HEAD_IP": "192.0.2.10"}
    ran = subprocess.run(["bash", "-c", *commands], env=own, capture_output=True, text=True, check=True)
    return ran.stdout


def test_the_shell_gives_ray_what_is_meant(tmp_path: Path) -> None:
    settings = "settings=/home/ubuntu/.config/eopiez-settings"
    head, worker = (started(f"{kind}_start_ray_commands", tmp_path) for kind in ("head", "worker"))
    assert f"mode=token {settings} redis=unset\n" in head
    assert "redis=192.0.2.20:6379\n" in started("head_start_ray_commands", tmp_path, "192.0.2.20:6379")
    assert "--num-cpus=0" in head.split()
    assert f"--address=192.0.2.10:6379 mode=token {settings}" in worker
    program = "from ray.scripts.scripts import start; print(*(name for param in start.params for name in param.opts))"
    known = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    given = {word.partition("=")[0] for word in (head + worker).split() if word.startswith("--")}
    assert given <= set(known)


def test_the_orchestrator_beside_the_head_asks_for_nodes() -> None:
    (command,) = (each for each in configurations()["local"]["head_start_ray_commands"] if "eopiez orchestrate" in each)
    assert {"EOPIEZ_AUTOSCALING=true;", "EOPIEZ_RAY_ADDRESS=auto", "RAY_AUTH_MODE=token"} <= set(command.split())
    assert subprocess.run(["bash", "-n", "-c", command]).returncode == 0


def test_groups_have_labels_and_the_head_of_a_cloud_no_work() -> None:
    for name in ("aws", "gcp"):
        kinds = configurations()[name]["available_node_types"]
        assert kinds["head"]["resources"] == {"CPU": 0}
        assert {kind: group["labels"]["group"] for kind, group in kinds.items() if kind != "head"} == {
            "cpu": "cpu",
            "gpu": "gpu",
        }
        assert kinds["gpu"]["resources"]["GPU"] == 1
