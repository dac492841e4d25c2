"""What encryption at rest costs: ``python benchmarks/encryption.py``.

The same workloads as W3 and W4 of ``benchmarks/engine.py``, on two systems in one process each, one with keys and one
without, which take turns so that a busy moment of the machine is nobody's advantage.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
LATENCIES = 200
ENGINES = Path(__file__).parent / "engines"


def measure() -> dict[str, float]:
    """Seconds of each workload on a system of its own."""
    sys.path.insert(0, str(ENGINES))
    from common import CORES, WORKFLOWS, noop, percentile
    from eopiez import in_sequence, through_four

    import eopiez_ray as ez

    with tempfile.TemporaryDirectory(prefix="eopiez-bench-") as home, ez.local(home=home, cpus=CORES) as system:
        system.warm_up()
        three, taken = in_sequence(noop, 3), list[float]()
        for _ in range(LATENCIES):
            began = time.perf_counter()
            system.start(three).wait().result("step 2")
            taken.append(time.perf_counter() - began)
        began = time.perf_counter()
        for each in system.start_many([three] * WORKFLOWS):
            each.wait()
        batch = time.perf_counter() - began
        large = list[float]()
        for _ in range(3):
            began = time.perf_counter()
            system.start(through_four()).wait().result("add 3")
            large.append(time.perf_counter() - began)
    return {"W3 latency": percentile(taken, 0.5), "W3 batch": batch, "W4": min(large)}


def main() -> None:
    """Compare."""
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for number in range(ROUNDS):
        for is_on in (True, False) if number % 2 else (False, True):
            found[is_on].append(_measured(is_on))
    print("| workload | plain | encrypted | ratio |\n|---|---|---|---|")
    for workload in found[True][0]:
        plain, sealed = (statistics.median(each[workload] for each in found[is_on]) for is_on in (False, True))
        print(f"| {workload} | {1000 * plain:.1f} ms | {1000 * sealed:.1f} ms | {sealed / plain:.2f} |")


def _measured(is_on: bool) -> dict[str, float]:
    keys = {"EOPIEZ_ENCRYPTION_KEYS": f"bench:{base64.b64encode(os.urandom(32)).decode()}"} if is_on else {}
    done = subprocess.run(
        [sys.executable, __file__, "measure"], stdout=subprocess.PIPE, text=True, check=True, env=os.environ | keys
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure()))
    else:
        main()
