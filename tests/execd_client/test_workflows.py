""".github/workflows: they run the scripts that are here, and decide as they should.

actionlint knows more of their form; this holds what ties them to this repository.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.execd_client.environments import ROOT, copy_repository

pytestmark = pytest.mark.slow

WORKFLOWS = {path.stem: path for path in (ROOT / ".github" / "workflows").iterdir()}
EVENTS = True  # how YAML 1.1 reads the key "on"


def load(name: str) -> Any:
    return yaml.safe_load(WORKFLOWS[name].read_text())


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in load(name)["jobs"].values() for step in job["steps"]]


def commands(name: str) -> str:
    return "\n".join(step["run"] for step in steps(name) if "run" in step)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_it_can_read_the_code_and_do_no_more(name: str) -> None:
    workflow = load(name)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned(name: str) -> None:
    actions = [step["uses"] for step in steps(name) if "uses" in step]
    assert actions
    for action in actions:
        assert re.fullmatch(r"actions/[a-z-]+@(v[0-9]+|[0-9a-f]{40})", action)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_it_names_is_here(name: str) -> None:
    named = re.findall(r"(?<![\w/.])((?:\.ci|scripts|tests|openapi)/[\w./-]+)", commands(name))
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path
    groups = re.findall(r"--group (\S+)", commands(name))
    for group in groups:
        assert f"\n{group} = [\n" in (ROOT / "pyproject.toml").read_text(), group


def test_a_change_of_what_the_client_is_made_from_starts_its_workflow() -> None:
    events = load("client")[EVENTS]
    paths = events["pull_request"]["paths"]
    assert paths == events["push"]["paths"]
    assert {"openapi/**", "generated/**", "scripts/regen.sh", "pyproject.toml"} <= {*paths}
    for path in paths:
        assert (ROOT / path.removesuffix("/**")).exists(), path


def test_the_scripts_are_run_as_people_run_them() -> None:
    assert "bash .ci/run" in commands("ci")
    for command in ("bash scripts/regen.sh --check", "python -m build generated"):
        assert command in commands("client").splitlines()
    assert "bash scripts/regen.sh --diff " in commands("client")


# --- what a pull request changes for callers ---


class Outcome(NamedTuple):
    status: int
    said: str
    summary: str


def changes_step(repository: Path, *, allowed: bool) -> Outcome:
    """Run the step as the runner does, in a checkout whose first parent is the base branch."""
    (script,) = (step["run"] for step in steps("client") if "ALLOWED" in step.get("env", {}))
    temporary = repository.parent / "runner"
    temporary.mkdir()
    summary = temporary / "summary.md"
    result = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=repository,
        env={
            **os.environ,
            "ALLOWED": str(allowed).lower(),
            "GITHUB_STEP_SUMMARY": str(summary),
            "PYTHON": sys.executable,
            "RUNNER_TEMP": str(temporary),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(result.returncode, result.stdout, summary.read_text())


def git(repository: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=repository, capture_output=True, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    copy_repository(root, "openapi/execd.yaml", "pyproject.toml", "scripts")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")
    return root


def commit(repository: Path, find: str, put: str) -> None:
    description = repository / "openapi" / "execd.yaml"
    text = description.read_text()
    assert text.count(find) == 1
    description.write_text(text.replace(find, put))
    git(repository, "commit", "-q", "-a", "-m", "change")


def test_a_harmless_change_passes_and_is_summed_up(repository: Path) -> None:
    commit(repository, "enum: [file, directory,", "enum: [socket, file, directory,")
    line = 'schema FileInfo.type: value "socket" added (enums are open)'
    assert changes_step(repository, allowed=False) == Outcome(
        0, *[f"```\n{line}\nchanges for callers: 1, BREAKING: 0\n```\n"] * 2
    )


def test_a_break_fails_unless_its_label_is_there(repository: Path, tmp_path: Path) -> None:
    commit(repository, "operationId: ping\n", "operationId: pong\n")
    outcome = changes_step(repository, allowed=False)
    assert outcome.status == 3
    assert "BREAKING operation ping: removed\n" in outcome.summary
    assert "::warning::" not in outcome.said

    shutil.rmtree(tmp_path / "runner")
    outcome = changes_step(repository, allowed=True)
    assert outcome.status == 0
    assert "BREAKING operation ping: removed\n" in outcome.summary
    assert "::warning::" in outcome.said


def test_a_description_that_cannot_be_read_fails_with_the_label_too(repository: Path) -> None:
    commit(repository, "openapi: 3.1.1", "openapi: 2.0")
    assert changes_step(repository, allowed=True).status == 2
