"""A day of mixed use by 200 users in ten minutes: ``python benchmarks/load.py``, or ``make load``.

A whole system is brought up by ``eopiez up`` in a scratch home, on loopback alone. Users sign in, open the dashboard,
list and look, submit and follow, pause, resume and cancel, search a collection, upload, and meet failures, in several
projects. The report says how long requests took, and whether any was answered wrongly or any work lost or done twice;
if so, the exit code is 1. The users are in this process, on the same cores as everything else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from datetime import date
from pathlib import Path
from typing import Any

from day.house import House, standing
from day.people import PROJECTS, Day, ending, gathered, spend
from day.report import is_kept, report, text


def main() -> int:
    """Spend the day, and tell of it."""
    arguments = _arguments()
    day = Day(
        users=arguments.users, seconds=arguments.seconds, pause_s=arguments.pause, projects=arguments.projects,
        documents=arguments.documents, seed=arguments.seed,
    )  # fmt: skip
    with standing(arguments.keep) as house:
        figures = asyncio.run(spent(day, house))
    print(text(figures))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if is_kept(figures) else 1


async def spent(day: Day, house: House) -> dict[str, Any]:
    """The report of a day in a house."""
    async with gathered(day, house.url, house.first_password()) as (administrator, people):
        _tell(f"{day.users} users begin a day of {day.seconds:g} s")
        at_start = house.memory_mib()
        await spend(day, people)
        _tell("the day is over; waiting for the work")
        ended, at_end = await ending(administrator), house.memory_mib()
    memory = {part: [round(each.get(part, 0.0), 1) for each in (at_start, at_end)] for part in {**at_start, **at_end}}
    conditions = {
        "date": date.today().isoformat(), "cores": os.cpu_count(), "machine": platform.machine(),
        "python": platform.python_version(), "users": day.users, "seconds": day.seconds, "pause_s": day.pause_s,
        "projects": day.projects, "documents": day.documents,
    }  # fmt: skip
    return {"conditions": conditions, **report(people[0].notes, ended), "memory_mib": memory}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--pause", type=float, default=10.0, help="mean seconds between two errands of a user")
    parser.add_argument("--projects", type=int, default=3, choices=range(1, len(PROJECTS) + 1))
    parser.add_argument("--documents", type=int, default=2000, help="in the collection of each project")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="a file for the report")
    parser.add_argument("--keep", action="store_true", help="keep the home of the system, to look into its logs")
    given = parser.parse_args()
    if given.users < 1 or given.seconds <= 0 or given.pause <= 0:
        parser.error("--users, --seconds and --pause have to be above 0")
    return given


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
