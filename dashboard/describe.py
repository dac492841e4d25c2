"""Prints the API's description without prose, problems and other forms; `make types` makes types of it."""

from __future__ import annotations

import json
from typing import Any

PROSE = {"description", "title", "example", "examples", "summary"}
JSON = "application/json"


def bare(value: Any, is_schema_names: bool = False) -> Any:
    """A value without prose; the names of properties are no prose."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if isinstance(value, dict):
        return {
            key: answer_in_json(each) if key == "responses" else bare(each, key in {"properties", "schemas", "paths"})
            for key, each in value.items()
            if is_schema_names or key not in PROSE
        }
    return value


def answer_in_json(responses: dict[str, Any]) -> dict[str, Any]:
    """Of the responses of an operation, what the dashboard gets when all is well: JSON where there is any."""
    status = min(responses)
    content = responses[status].get("content", {})
    kept = {JSON: bare(content[JSON])} if JSON in content else bare(content)
    return {status: {"description": "", "content": kept}}


def described() -> str:
    """The description as JSON."""
    from eopiez_ray.gateway.app import create_app
    from eopiez_ray.settings import Settings

    return json.dumps(bare(create_app(Settings()).openapi()), indent=1)


if __name__ == "__main__":
    print(described())
