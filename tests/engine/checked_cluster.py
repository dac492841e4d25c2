"""Checks cluster configurations as ``ray up`` does before it starts anything, and prints the node types of each."""

from __future__ import annotations

import json
import sys

from ray.autoscaler._private.util import prepare_config, validate_config


def main() -> None:
    for text in sys.stdin:
        prepared = prepare_config(json.loads(text))
        validate_config(prepared)
        print(*sorted(prepared["available_node_types"]))


if __name__ == "__main__":
    main()
