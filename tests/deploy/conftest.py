"""The programs that these tests need are wheels of the extra ``deploy``; without it, they are left out."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("helm_python") and find_spec("envoy") else ["test_*.py"]
