"""Standard streams that are closed, full or gone: one sentence and an exit code, and no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = {
    "help": ["--help"],
    "version": ["--version"],
    "schema": ["plan", "schema"],
    "settings": ["config", "show", "--all"],
}
PROGRAM = f"{sys.executable} -m eopiez_ray.cli"


def run(redirected: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", redirected], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(command: str, stream: str) -> None:
    done = run(f"{PROGRAM} {' '.join(COMMANDS[command])} {stream}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_the_output_is_told(command: str) -> None:
    done = run(f"{PROGRAM} {' '.join(COMMANDS[command])} > /dev/full")
    assert done.returncode == 74
    assert "the output cannot be written: no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_has_had_enough_is_no_error(command: str) -> None:
    done = run(f"{PROGRAM} {' '.join(COMMANDS[command])} | head -c 1")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
