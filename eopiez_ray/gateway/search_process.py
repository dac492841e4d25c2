"""The process in which runs are searched: ``python -m eopiez_ray.gateway.search_process``.

It reads requests from standard input, a line of JSON each with the stored values that it does not know yet behind it,
and writes a line of JSON for each. It ends with its input.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from typing import IO, Any

from ..authoring.encoding import decode

MOST_VALUES = 8
"""Values that are kept: the models and indexes of four runs."""


def main(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    values: OrderedDict[str, Any] = OrderedDict()
    while line := requests.readline():
        request = json.loads(line)
        new = [(digest, form, requests.read(size)) for digest, form, size in request["new"]]
        try:
            values.update({digest: decode(form, stored) for digest, form, stored in new})
            answer: dict[str, Any] = {"hits": _hits(values, request)}
        except Exception as error:  # noqa: BLE001 - what was stored may be anything
            answer = {"error": type(error).__name__}
            values.clear()
        while len(values) > MOST_VALUES:
            values.popitem(last=False)
        answers.write(json.dumps(answer | {"known": list(values)}).encode() + b"\n")
        answers.flush()


def _hits(values: OrderedDict[str, Any], request: dict[str, Any]) -> list[tuple[str, float]]:
    for digest in request["values"]:
        values.move_to_end(digest)
    model, index = (values[digest] for digest in request["values"])
    found = index.search(model.embed_texts([request["query"]]), request["count"])[0]
    return [(str(hit.id), float(hit.similarity)) for hit in found]


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
