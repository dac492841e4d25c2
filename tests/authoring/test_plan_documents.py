"""Plans in YAML and JSON: what is wrong is said where it is, and what is written is read back equal."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError, create_model

import eopiez_ray as ez
from eopiez_ray.authoring.plans.models import plan_schema
from eopiez_ray.authoring.plans.notation import MAX_BYTES, to_yaml
from eopiez_ray.authoring.plans.policies import Form, bytes_of, keys_of, policy_of, written_policy
from eopiez_ray.errors import CycleError, ParameterError, PlanDocumentError, PlanError, UnknownPhaseError
from eopiez_ray.model.policies import Placement, Resources, RetryPolicy, Spread, StepPolicy

SCHEMA = Path(__file__).parents[2] / "docs/plan.schema.json"


@ez.phase(name="documents.load", version="1")
def load(*, folder: str, limit: int = 3) -> Iterator[str]:
    yield from [folder] * limit


@ez.phase(name="documents.tidy", version="2", kind="map", timeout_s=30, retry=RetryPolicy(maximum_attempts=7))
def tidy(word: str, *, lower: bool = True, extra: Any = None) -> str:
    return word.lower() if lower else word


@ez.phase(name="documents.join", kind="reduce")
def join(parts: ez.Partitions[str], *others: Any) -> str:
    return " ".join(parts)


def joined(parts: ez.Partitions[str]) -> str:
    return " ".join(parts)


@ez.phase(name="documents.tree", kind="reduce", combine=joined, fan_in=4)
def tree(parts: ez.Partitions[str]) -> str:
    return " ".join(parts)


WHOLE = """\
plan: tidy-the-corpus
labels: {team: research}
priority: 5
steps:
  tidy:
    phase: documents.tidy
    inputs: load
    parameters: {lower: false}
    resources: {cpu: 1, gpu: 0.5, memory: 2 GiB, custom: {license: 1, badge: 2}}
    retry: {maximum_attempts: 5, initial_interval_s: 0.5, non_retryable_errors: [KeyError]}
    timeout_s: 60
    cache: true
    max_rejects: 0.1
  load:
    phase: documents.load
    parameters: {folder: /data/corpus}
  numbers:
    values: [1, no, 2024-05-01, 010, 1e3, ~]
"""


def same_by_hand() -> ez.Plan:
    plan = ez.Plan("tidy-the-corpus", labels={"team": "research"}, priority=5)
    plan.step("tidy", tidy, "load", lower=False)
    plan.tune(
        "tidy",
        resources=Resources(1, 0.5, 2 * 2**30, (("badge", 2), ("license", 1))),
        retry=RetryPolicy(0.5, maximum_attempts=5, non_retryable_errors=("KeyError",)),
        timeout_s=60,
        cache=True,
        max_rejects=0.1,
    )
    plan.step("load", load, folder="/data/corpus")
    plan.values("numbers", [1, "no", "2024-05-01", 10, 1000.0, None])
    return plan


def test_document_is_the_plan_that_a_program_would_make() -> None:
    read, made = ez.read_plan(WHOLE), same_by_hand()
    assert read.spec() == made.spec()
    assert read.spec().digest == made.spec().digest
    assert read.code() == made.code()
    assert (read.labels, read.priority) == ({"team": "research"}, 5)


def test_yaml_json_files_and_values_are_one_form(tmp_path: Path) -> None:
    document = same_by_hand().to_document()
    (tmp_path / "plan.json").write_text(json.dumps(document, indent=1))
    (tmp_path / "plan.yaml").write_text(f"\ufeff{to_yaml(document)}")
    ways: list[Any] = [document, json.dumps(document), tmp_path / "plan.json", str(tmp_path / "plan.yaml")]
    assert {ez.read_plan(way).spec().digest for way in ways} == {same_by_hand().spec().digest}


def test_policy_that_is_not_written_stays_as_the_phase_has_it() -> None:
    read = ez.read_plan("plan: p\nsteps:\n  v: {values: [a]}\n  t: {phase: documents.tidy, inputs: v, cache: true}\n")
    policy = read.spec().steps[1].policy
    assert (policy.timeout_s, policy.retry.maximum_attempts, policy.cache) == (30, 7, True)


def test_alias_stands_for_what_it_names() -> None:
    text = (
        "plan: p\nsteps:\n  a: {phase: documents.load, parameters: {folder: x}, retry: &often {maximum_attempts: 9}}\n"
        "  b: {phase: documents.tidy, inputs: a, retry: *often}\n"
    )
    assert {step.policy.retry.maximum_attempts for step in ez.read_plan(text).spec().steps} == {9}


def test_phases_that_eopiez_brings_need_no_import() -> None:
    text = "plan: p\nsteps:\n  read: {phase: ingest_read, parameters: {inputs: [/data]}}\n"
    assert ez.read_plan(text).spec().steps[0].phase.name == "ingest_read"
    assert "import" not in ez.read_plan(text).to_document()


HEAD = "plan: p\nsteps:\n"
LOAD = HEAD + "  load: {phase: documents.load, parameters: {folder: x}}\n"
TIDY = LOAD + "  t: {phase: documents.tidy, "
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
UGLY: list[tuple[str, str, str]] = [
    ("", "plan.yaml: it is empty", ""),
    ("# nothing\n", "plan.yaml: it is empty", ""),
    ("- a\n- b\n", "plan.yaml: it must be a mapping", ""),
    ("just words", "plan.yaml: it must be a mapping", ""),
    ("plan: p\nplan: q\n", "plan.yaml:2:1: key 'plan' appears twice", ""),
    (LOAD + "  load: {values: []}\n", "plan.yaml:4:3: steps: key 'load' appears twice", ""),
    ("plan: p\nsteps:\n\ta: 1\n", "plan.yaml:3:1: it is not YAML", "indent with spaces"),
    ("plan: [p\nsteps: 1\n", "plan.yaml:2:", "it is not YAML"),
    ("plan: p\nsteps: *nobody\n", "plan.yaml:2:8: it is not YAML: found undefined alias", ""),
    ("plan: p\x07\n", "plan.yaml:1:8: it is not YAML: character U+0007", ""),
    ("plan: p\n---\nplan: q\n", "plan.yaml:2:1: it is not YAML", "another document"),
    ("plan: p\nsteps: &s\n  a: *s\n", "plan.yaml:2:8: steps.a: it contains itself through an alias", ""),
    (BOMB, "it expands to more than 1,000,000 values", "fewer aliases"),
    ("a: " + "[" * 150 + "]" * 150, "plan.yaml:1:", "mappings and lists are nested more than 100 deep"),
    ("a: " + "[" * 5000, "plan.yaml:1:", "nesting"),
    ("plan: p\n1: x\n", "plan.yaml:2:1: key '1' is not text; put it in quotes", ""),
    ("a: &a {}\nb: {<<: *a}\n", "plan.yaml:2:5: b: << is not supported", ""),
    ("plan: !!python/name:os.system x\n", "plan.yaml:1:7: plan: tag !!python/name:os.system is not known", ""),
    ("plan: p\nsteps: {a: {values: [.nan]}}\n", "plan.yaml:2:22: steps.a.values[0]: nan is not a JSON number", ""),
    ('plan: "a\\0b"\n', "plan.yaml:1:1: plan: it contains a character that cannot be stored", ""),
    ("plan: p\n", "plan.yaml: 'steps' is missing", ""),
    ("plan: p\nsteps: {}\n", "plan.yaml:2:1: steps: {}: ", "at least 1 item"),
    ("plan: ''\nsteps: {a: {values: []}}\n", "plan.yaml:1:1: plan: '': string should have at least 1", ""),
    ("paln: p\nsteps: {}\n", "plan.yaml:1:1: paln: unknown key 'paln'; did you mean 'plan'?", ""),
    (HEAD + "  a: {}\n", "plan.yaml:3:3: steps.a: 'phase' is missing", ""),
    (HEAD + "  a: 3\n", "plan.yaml:3:3: steps.a: 3: input should be an object", ""),
    (HEAD + "  a:\n    fase: x\n", "plan.yaml:4:5: steps.a.fase: unknown key 'fase'; did you mean 'phase'?", ""),
    (HEAD + "  a: {values: [1], phase: x}\n", "plan.yaml:3:20: steps.a.phase: unknown key 'phase'", "values"),
    (HEAD + "  a: {phase: documents.laod}\n", "plan.yaml:3:7: steps.a.phase: no phase is named 'documents.laod'", "d"),
    (TIDY + "inputs: [laod]}\n", "plan.yaml:4:39: steps.t.inputs[0]: no step is named 'laod'", "mean 'load'"),
    (TIDY + "inputs: laod}\n", "plan.yaml:4:30: steps.t.inputs: no step is named 'laod'", "mean 'load'"),
    (TIDY + "inputs: [3]}\n", "plan.yaml:4:39: steps.t.inputs[0]: 3: input should be a valid string", ""),
    (TIDY + "inputs: [load, load]}\n", "steps.t.inputs: phase 'documents.tidy' takes at most 1 input(s)", ""),
    (HEAD + "  t: {phase: documents.join}\n", "plan.yaml:3:3: steps.t: phase 'documents.join'", "at least one input"),
    (
        HEAD + "  load:\n    phase: documents.load\n    parameters:\n      folder: x\n      limits: 3\n",
        "plan.yaml:7:7: steps.load.parameters.limits: phase 'documents.load' has no parameter 'limits'",
        "did you mean 'limit'?",
    ),
    (
        HEAD + "  load:\n    phase: documents.load\n    parameters:\n      folder: x\n      limit: many\n",
        "plan.yaml:7:7: steps.load.parameters.limit: parameter 'limit' is 'many'",
        "valid integer",
    ),
    (HEAD + "  load: {phase: documents.load}\n", "steps.load: parameter 'folder' is missing", ""),
    (LOAD.replace("}}", "}, timeout_s: -5}"), "steps.load.timeout_s: timeout_s must be above 0", ""),
    (LOAD.replace("}}", "}, timeout_s: soon}"), "steps.load.timeout_s: 'soon': input should be a valid number", ""),
    (LOAD.replace("}}", "}, timeout_s: '60'}"), "steps.load.timeout_s: '60': input should be a valid number", ""),
    (LOAD.replace("}}", "}, cache: 1}"), "steps.load.cache: 1: input should be a valid boolean", ""),
    (LOAD.replace("}}", "}, max_rejects: 2}"), "steps.load.max_rejects: max_rejects must be a share", ""),
    (LOAD.replace("}}", "}, timeout: 5}"), "steps.load.timeout: unknown key 'timeout'; did you mean 'timeout_s'?", ""),
    (
        LOAD.replace("}}", "},\n    retry: {backoff_coefficient: 2,\n      maximum_attempts: 0}}"),
        "plan.yaml:5:7: steps.load.retry.maximum_attempts: maximum_attempts must be at least 1",
        "",
    ),
    (
        LOAD.replace("}}", "},\n    retry: {max_attempts: 5}}"),
        "plan.yaml:4:13: steps.load.retry.max_attempts: unknown key 'max_attempts'; did you mean 'maximum_attempts'?",
        "",
    ),
    (LOAD.replace("}}", "}, resources: {memory: 2 G}}"), "steps.load.resources.memory: '2 G' is not a size", "2 GiB"),
    (LOAD.replace("}}", "}, resources: {cpu: -1}}"), "steps.load.resources.cpu: resources cannot be negative", ""),
    ("import: [nowhere.to]\n" + LOAD, "plan.yaml:1:10: import[0]: there is no module 'nowhere'", "./phases.py"),
    ("import: [./none.py]\n" + LOAD, "plan.yaml:1:10: import[0]: there is no file", "none.py"),
    (
        HEAD + "  a.b: {phase: documents.tidy, inputs: c}\n  c: {phase: documents.tidy, inputs: a.b}\n",
        'plan.yaml:3:32: steps["a.b"].inputs: plan \'p\' has a cycle: a.b → c → a.b',
        "remove one",
    ),
    (
        HEAD + "  v: {phase: documents.tidy, inputs: t}\n  t: {phase: documents.tree, inputs: v}\n",
        "plan.yaml:3:30: steps.v.inputs: plan 'p' has a cycle: v → t → t.branches → t.leaves → v",
        "",
    ),
    (
        HEAD + "  v: {values: [a]}\n  t: {phase: documents.tree, inputs: v}\n  t.leaves: {values: [a]}\n",
        "plan.yaml:2:1: steps: plan 'p' has two steps named 't.leaves'",
        "rename one",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says", "advice"), UGLY, ids=[says[:60] for _, says, _ in UGLY])
def test_what_is_wrong_is_said_with_its_place(text: str, says: str, advice: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanDocumentError) as caught:
        ez.read_plan(tmp_path / "plan.yaml")
    said = str(caught.value).replace(f"{tmp_path}/plan.yaml", "plan.yaml")
    assert says in said
    assert advice in said
    assert caught.value.exit_code == 64


UGLY_JSON: list[tuple[str, str]] = [
    ("", "plan.json:1:1: it is not JSON: expecting value"),
    ("null", "plan.json: it is empty"),
    ('{"plan": "p",\n "steps": {,}}', "plan.json:2:12: it is not JSON: expecting property name"),
    ('{"plan": "p",\n "steps": {"a": 1,\n  "\\u0061": 2}}', "plan.json:3:3: steps: key 'a' appears twice"),
    ('{"plan": "p", "steps": {"a": {"values": [1,\n NaN]}}}', "plan.json:2:2: steps.a.values[1]: nan is not a JSON"),
    ('{"plan": "p", "steps": {"a": {"values": [1e999]}}}', "plan.json:1:42: steps.a.values[0]: inf is not a JSON"),
    ('{"plan": "\\ud800"}', "plan.json:1:2: plan: it contains a character that cannot be stored"),
    ('{"plan": "p", "a\\u0000": 1}', "plan.json: key 'a\\x00': it contains a character that cannot be stored"),
    ("[" * 100_000, "plan.json: its JSON cannot be read"),
    ("[" * 150 + "]" * 150, "mappings and lists are nested more than 100 deep"),
    (
        '{"plan": "é", "steps": {\n "a": {"values": [{"x": [1, 2]}, "}:,"]},\n "b": {"phase": "documents.load",\n'
        '  "parameters": {"folder": "x"},\n  "retry": {"maximum_attempts": true}}}}',
        "plan.json:5:13: steps.b.retry.maximum_attempts: True: input should be a valid integer",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), UGLY_JSON, ids=[says[:60] for _, says in UGLY_JSON])
def test_json_has_places_too(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(PlanDocumentError) as caught:
        ez.read_plan(tmp_path / "plan.json")
    assert says in str(caught.value).replace(f"{tmp_path}/", "")


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("plan: p\nsteps: é\n".encode("latin-1"))
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    for name, says in (
        ("latin.yaml", "latin.yaml:2:8: it is not UTF-8"),
        ("huge.yaml", "huge.yaml: it is larger than 4 MiB"),
        ("none.yaml", "none.yaml: it cannot be read: No such file"),
        (".", "it cannot be read: Is a directory"),
    ):
        with pytest.raises(PlanDocumentError, match=says):
            ez.read_plan(tmp_path / name)


@pytest.mark.timeout(20)
def test_document_in_which_all_is_wrong_is_refused_at_once() -> None:
    labels = {f"label-{number}": number for number in range(50_000)}
    with pytest.raises(PlanDocumentError, match="labels"):
        ez.read_plan(json.dumps({"plan": "p", "labels": labels, "steps": {"a": {"values": []}}}))


def test_errors_keep_their_facts_and_causes() -> None:
    with pytest.raises(PlanDocumentError) as caught:
        ez.read_plan(HEAD + "  a: {phase: nothing-like-it}\n")
    error = caught.value
    assert (error.file, error.route, error.line, error.column) == ("plan", ("steps", "a", "phase"), 3, 7)
    assert isinstance(error.__cause__, UnknownPhaseError)
    with pytest.raises(PlanDocumentError) as caught:
        ez.read_plan(LOAD.replace("folder: x", "folder: 3"))
    assert isinstance(caught.value.__cause__, ParameterError)
    with pytest.raises(PlanDocumentError) as caught:
        ez.read_plan(HEAD + "  a: {phase: documents.tidy, inputs: a}\n")
    assert isinstance(caught.value.__cause__, CycleError)


OWN = """\
import eopiez_ray as ez

STOP = ("the", "a")


def _clean(word):
    return word.strip(".").lower()


@ez.phase(version="1", kind="map")
def split_lines(line: str) -> list[str]:
    return [_clean(word) for word in line.split() if _clean(word) not in STOP]
"""
OF_A_FILE = """\
plan: words
import: [./own.py]
steps:
  lines: {values: [The ship.]}
  split: {phase: split_lines, inputs: lines}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan with phases in a file beside it."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "words.yaml").write_text(OF_A_FILE)
    return tmp_path


def python(code: str, *arguments: str | Path, **own: str) -> str:
    """What another process prints, which has not this one's modules."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | own, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_phases_of_a_file_run_where_the_file_is_not(folder: Path) -> None:
    plan = ez.read_plan(folder / "words.yaml")
    code = plan.code()[plan.spec().steps[1].phase.digest]
    (folder / "code").write_bytes(code)
    (folder / "own.py").unlink()
    said = python("import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))('The ship.'))", folder / "code")
    assert said == "['ship']"


def test_plan_of_a_file_is_the_same_in_every_process(folder: Path) -> None:
    code = "import sys, eopiez_ray as ez; print(ez.read_plan(sys.argv[1]).spec().digest)"
    digests = {python(code, folder / "words.yaml", PYTHONHASHSEED=seed) for seed in ("1", "2")}
    assert digests == {ez.read_plan(folder / "words.yaml").spec().digest}


def test_plan_of_a_file_is_written_with_the_file(folder: Path) -> None:
    plan = ez.read_plan(folder / "words.yaml")
    assert plan.to_document()["import"] == [str(folder / "own.py")]
    assert ez.read_plan(plan.to_yaml()).spec().digest == plan.spec().digest


def test_file_is_run_anew_each_time(folder: Path) -> None:
    first = ez.read_plan(folder / "words.yaml")
    (folder / "own.py").write_text(OWN.replace('version="1"', 'version="one more"'))
    assert ez.read_plan(folder / "words.yaml").spec().steps[1].phase.version == "one more"
    assert first.spec().steps[1].phase.version == "1"


def test_module_is_asked_again_for_phases_that_another_has_replaced() -> None:
    @ez.phase(name="documents.load")
    def other() -> None: ...

    assert ez.find_phase("documents.load") is other
    read = ez.read_plan(f"import: [{__name__}]\n{LOAD}")
    assert read.spec().steps[0].phase == load.ref


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = 1\ny = x + z\n", "own.py failed, line 2: NameError: name 'z' is not defined"),
        ("def (:\n", "own.py failed: SyntaxError"),
        ("import sys\nsys.exit('no')\n", "own.py failed, line 2: SystemExit: no"),
        ("import nothing_like_it\n", "own.py failed, line 1: ModuleNotFoundError: No module named 'nothing_like_it'"),
    ],
)
def test_import_that_fails_says_where(code: str, says: str, folder: Path) -> None:
    (folder / "own.py").write_text(code)
    with pytest.raises(PlanDocumentError, match=r"words.yaml:2:10: import\[0\]: ") as caught:
        ez.read_plan(folder / "words.yaml")
    assert says in str(caught.value)


def test_module_that_is_a_file_beside_is_suggested(folder: Path) -> None:
    (folder / "words.yaml").write_text(OF_A_FILE.replace("./own.py", "own"))
    with pytest.raises(PlanDocumentError, match=r"there is no module 'own'; did you mean \./own\.py\?"):
        ez.read_plan(folder / "words.yaml")


def test_plans_that_no_document_can_hold_say_why() -> None:
    def local(x: int) -> int:
        return x

    plan = ez.Plan("p")
    given = plan.values("v", [1])
    plan.step("s", local, given)
    with pytest.raises(PlanError, match="phase 'local' is made by the running program"):
        plan.to_document()
    odd = ez.Plan("p")
    odd.values("v", [(1, 2)])
    with pytest.raises(PlanError, match="values of step 'v' cannot be written"):
        odd.to_yaml()


def test_tree_of_a_reduce_is_one_step_in_a_document() -> None:
    plan = ez.Plan("p")
    plan.tune(plan.step("t", tree, plan.values("v", ["a"])), timeout_s=9)
    assert {step.policy.timeout_s for step in plan.spec().steps} == {None, 9}
    assert plan.to_document()["steps"]["t"] == {"phase": "documents.tree", "inputs": ["v"], "timeout_s": 9.0}
    assert ez.read_plan(plan.to_yaml()).spec().digest == plan.spec().digest
    plan.tune("t.leaves", timeout_s=5)
    with pytest.raises(PlanError, match=r"step 't\.leaves' cannot be written: its policy differs from that of 't'"):
        plan.to_document()


def test_equal_values_make_equal_plans_whatever_is_shared() -> None:
    shared = "".join(["a", "b"])
    digests = set()
    for values in ([shared, shared], ["".join(["a", "b"]), "ab"]):
        plan = ez.Plan("p")
        plan.values("v", values)
        digests.add(plan.spec().digest)
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("2 GiB", 2**31), ("500MB", 500_000_000), ("1.5 kib", 1536), ("7 B", 7), ("0.5 TB", 5 * 10**11), (12, 12)],
)
def test_sizes_are_read_in_powers_of_two_and_ten(text: object, size: int) -> None:
    assert bytes_of(text) == size


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
AMOUNTS = st.floats(0, 1e6)
LABELS = st.dictionaries(NAMES, TEXTS, max_size=2)
POLICIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "resources": st.builds(
            Resources,
            cpu=AMOUNTS | st.integers(0, 9),
            gpu=AMOUNTS,
            memory_bytes=st.integers(0, 2**45) | st.sampled_from([2**30, 3 * 2**20, 2**41]),
            custom=st.dictionaries(NAMES, AMOUNTS, max_size=2),
            placement=st.builds(
                Placement,
                labels=LABELS,
                fallback=st.lists(LABELS, max_size=2).map(tuple),
                layout=st.sampled_from(Spread),
            )
            | st.builds(Placement, labels=LABELS, layout=st.sampled_from(Spread), gang=st.integers(2, 5)),
            runtime_env=st.dictionaries(NAMES, JSON, max_size=2) | TEXTS,
        ),
        "retry": st.builds(
            RetryPolicy,
            initial_interval_s=AMOUNTS,
            backoff_coefficient=st.floats(1, 9),
            maximum_interval_s=AMOUNTS,
            maximum_attempts=st.integers(1, 9),
            non_retryable_errors=st.lists(NAMES, max_size=2).map(tuple),
        ),
        "timeout_s": st.floats(0.001, 1e6),
        "step_timeout_s": st.floats(0.001, 1e6),
        "wait_timeout_s": st.integers(1, 9),
        "cache": st.booleans(),
        "max_rejects": st.floats(0, 1),
    },
)


@st.composite
def plans(draw: st.DrawFn) -> ez.Plan:
    """Any plan of the phases of this file and of values, its steps in any order."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    plan = ez.Plan(
        draw(NAMES),
        labels=draw(st.dictionaries(NAMES, TEXTS, max_size=2)),
        priority=draw(st.integers(-(2**15), 2**15 - 1)),
    )
    for position in draw(st.permutations(range(len(names)))):
        before = names[:position]
        kind = draw(st.sampled_from(["load", "values", "tidy", "join", "tree"] if before else ["load", "values"]))
        if kind == "load":
            plan.step(names[position], load, folder=draw(TEXTS))
        elif kind == "values":
            plan.values(names[position], draw(st.lists(JSON, max_size=3)))
        elif kind == "tidy":
            plan.step(names[position], tidy, draw(st.sampled_from(before)), extra=draw(JSON))
        elif kind == "tree":
            plan.step(names[position], tree, draw(st.sampled_from(before)))
        else:
            plan.step(names[position], join, *draw(st.lists(st.sampled_from(before), min_size=1, max_size=3)))
        plan.tune(names[position], **draw(POLICIES))
    return plan


@given(plans())
def test_every_plan_is_read_back_as_it_was_written(plan: ez.Plan) -> None:
    document = plan.to_document()
    for written in (document, json.dumps(document), plan.to_yaml()):
        read = ez.read_plan(written)
        assert read.spec() == plan.spec()
        assert read.spec().digest == plan.spec().digest
        assert read.code() == plan.code()
        assert (read.labels, read.priority) == (plan.labels, plan.priority)


@given(plans())
def test_documents_of_plans_keep_to_the_schema(plan: ez.Plan) -> None:
    validator.validate(json.loads(json.dumps(plan.to_document())))


jsonschema = importlib.import_module("jsonschema")  # It comes with Ray, and brings no types.
validator = jsonschema.Draft202012Validator(plan_schema())


def test_published_schema_is_that_of_the_models() -> None:
    published = json.loads(SCHEMA.read_text("utf-8"))
    assert published == plan_schema(), "write it anew: eopiez plan schema > docs/plan.schema.json"


def test_schema_is_one_and_its_examples_keep_to_it() -> None:
    schema = plan_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in schema["examples"]:
        validator.validate(example)


def test_every_key_of_the_schema_says_what_it_is() -> None:
    schema = plan_schema()
    mute = {
        f"{name}.{key}"
        for name, form in {"": schema, **schema["$defs"]}.items()
        for key, value in form.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    }
    told_by_the_class = {f"RetryPolicy.{name}" for name in inspect.signature(RetryPolicy).parameters}
    assert mute <= told_by_the_class


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan": "p"},
        {"plan": "p", "steps": {"a": {}}},
        {"plan": "p", "steps": {"a": {"phase": "x", "values": []}}},
        {"plan": "p", "steps": {"a": {"phase": "x", "timeout": 1}}},
        {"plan": "p", "steps": {"a": {"phase": "x", "resources": {"memory": "much"}}}},
        {"plan": "p", "steps": {"a": {"phase": "x", "retry": {"maximum_attempts": "5"}}}},
    ],
)
def test_schema_refuses_what_reading_refuses(wrong: dict[str, Any]) -> None:
    assert not validator.is_valid(wrong)
    with pytest.raises(PlanDocumentError):
        ez.read_plan(wrong)


def test_every_policy_can_be_written_and_tuned() -> None:
    names = {field.name for field in fields(StepPolicy)}
    assert names <= set(inspect.signature(ez.Plan.tune).parameters)
    assert names <= set(plan_schema()["$defs"]["PhaseStep"]["properties"])


@dataclass(frozen=True, slots=True)
class Place:
    """A policy that steps do not have, with fields of other sorts than theirs."""

    node: str
    """Name of a node."""
    spread: Spread = Spread.PACK
    mode: Literal["soft", "hard"] = "soft"
    selector: tuple[tuple[str, str], ...] | None = None
    environment: dict[str, Any] = field(default_factory=dict)
    scratch_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.spread is Spread.SPREAD and self.mode == "hard":
            raise ValueError("wide is never hard")


@dataclass(frozen=True, slots=True)
class Policy:
    """Holds one."""

    place: Place | None = None
    others: tuple[Place, ...] = ()


def test_policies_of_any_fields_are_written_and_read_back() -> None:
    keys: Any = keys_of(Policy)
    form = create_model("Policy", __base__=Form, **keys)
    whole = Place("n1", Spread.SPREAD, "soft", (("zone", "a"),), {"pip": ["x"]}, 2**30)
    for policy in (Policy(), Policy(whole), Policy(Place("n2"), (whole, Place("n3", scratch_bytes=5)))):
        written = json.loads(json.dumps(written_policy(policy, None)))
        assert Policy(**policy_of(Policy, form.model_validate_json(json.dumps(written), strict=True))) == policy
    assert written_policy(Policy(whole), None)["place"] == {
        "node": "n1", "spread": "spread", "selector": {"zone": "a"}, "environment": {"pip": ["x"]}, "scratch": "1 GiB",
    }  # fmt: skip
    with pytest.raises(ValidationError, match="wide is never hard"):
        form.model_validate({"place": {"node": "n", "spread": "spread", "mode": "hard"}})
