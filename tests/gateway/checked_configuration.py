"""Builds the applications of a configuration as Ray Serve does, and prints where each of them is served."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import yaml
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary
from ray.serve.schema import ServeDeploySchema


def main(path: Path) -> None:
    config = ServeDeploySchema.model_validate(yaml.safe_load(path.read_text()))
    for application in config.applications:
        module, _, name = application.import_path.partition(":")
        built = call_user_app_builder_with_args_if_necessary(getattr(import_module(module), name), application.args)
        assert {each.name for each in application.deployments} <= {built._bound_deployment.name}
        print(application.route_prefix)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
