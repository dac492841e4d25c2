"""Checks a configuration for Ray Serve, and prints where each of its applications is served."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import yaml
from ray.serve.schema import ServeDeploySchema

from eopiez_ray.gateway.serve import Options


def main(path: Path) -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load(path.read_text()))
    for application in config.applications:
        Options(**application.args)
        module, _, name = application.import_path.partition(":")
        assert callable(getattr(import_module(module), name))
        print(application.route_prefix)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
