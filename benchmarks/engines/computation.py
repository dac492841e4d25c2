"""The computation of W2 alone, one call after the other in this process: what no engine can beat."""

from __future__ import annotations

from common import CORES, STEPS, fib33, seconds, summary, tell

ENGINE = "computation"


def main() -> None:
    """Measure."""
    taken = seconds(lambda: [fib33() for _ in range(STEPS)])
    tell(ENGINE, "W2", **summary(taken))
    tell(ENGINE, "W2b", **summary([one / CORES for one in taken]))


if __name__ == "__main__":
    main()
