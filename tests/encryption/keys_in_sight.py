"""A program that runs an encrypted workflow on a cluster of its own, and looks where keys could be seen."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psutil

import eopiez_ray as ez


@ez.phase(kind="map")
def environment(_value: int) -> dict[str, str]:
    return dict(os.environ)


@ez.phase(kind="map")
def text(value: int) -> str:
    return "a long text " * 50_000


def main() -> None:
    """Print what was seen."""
    home, given = Path(sys.argv[1]), os.environ["EOPIEZ_ENCRYPTION_KEYS"]
    with ez.local(home=home, cpus=1) as system:
        plan = ez.Plan("looking")
        values = plan.values("values", [1, 2])
        plan.step("text", text, values)
        plan.step("environment", environment, values)
        workflow = system.start(plan).wait()
        seen = str(workflow.result("environment"))
        engine = system._thread.engine
        assert engine._database is not None
        ring = system._thread.run(engine._database.vault.ring("default"))
        secrets = [given.partition(":")[2].encode(), *(key.secret for key in ring.keys)]
        import ray

        session = Path(ray._private.worker._global_node.get_session_dir_path())  # type: ignore[attr-defined]
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        store = [path for path in (*session.rglob("*"), *Path("/dev/shm").glob("*")) if path.is_file()]
        print(json.dumps({
            "is_sealed": len(ring.keys) == 1 and all(b"a long text" not in each.read_bytes() for each in files(home)),
            "text": len(workflow.result("text")),
            "environment": given.partition(":")[2] in seen,
            "processes": any(given.partition(":")[2] in line for line in lines),
            "files": sorted({path.name for path in store for secret in secrets if secret in content(path)}),
        }))  # fmt: skip


def files(home: Path) -> list[Path]:
    """Artifacts."""
    return [path for path in (home / "artifacts").rglob("*") if path.is_file()]


def content(path: Path) -> bytes:
    """What a file holds; sockets and what is gone hold nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    main()
