"""`code-interpreter doctor --sandbox`, as a user calls it."""

import json
import os
import subprocess
import sys

import pytest

from code_interpreter import CodeInterpreterSync
from code_interpreter._version import __version__
from tests.bundled.conftest import StandInSandboxSync
from tests.support.standin import Settings, StandIn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap needs Linux"),
]


def doctor(standin: StandIn, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "code_interpreter.cli", "doctor", *arguments],
        env={**os.environ, **standin.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.kernels
@pytest.mark.network
def test_it_says_what_would_give_a_sandbox_ours_and_then_that_it_runs(
    standin: StandIn, standin_sandbox_sync: StandInSandboxSync
) -> None:
    with standin_sandbox_sync(Settings(uv=True, pip=False)) as sandbox:
        before = doctor(standin, "--sandbox", sandbox.id)
        assert before.returncode == 0, before.stderr
        assert "Its own daemon: not ours" in before.stdout
        assert "runs no code" in before.stdout
        assert f"Runtime {__version__}: is not there" in before.stdout
        assert "Installers: uv" in before.stdout
        assert 'To have it: CodeInterpreter.create(sandbox, runtime="bundled")' in before.stdout
        CodeInterpreterSync.create(sandbox, runtime="bundled").close()
        after = doctor(standin, "--sandbox", sandbox.id, "--domain", standin.domain, "--json")
        found = json.loads(after.stdout)["found"]
        assert found["running"] == {
            "version": __version__,
            "port": 44790,
            "languages": ["bash", "python"],
        }
        assert "token" not in after.stdout
        assert after.returncode == 0


def test_it_says_what_a_sandbox_lacks(
    standin: StandIn, standin_sandbox_sync: StandInSandboxSync
) -> None:
    with standin_sandbox_sync(Settings(pip=False, index=False)) as sandbox:
        said = doctor(standin, "--sandbox", sandbox.id)
        assert said.returncode == 1
        assert "Amiss: there is neither uv nor pip" in said.stdout
    with standin_sandbox_sync(Settings(python=None, index=False)) as sandbox:
        said = doctor(standin, "--sandbox", sandbox.id)
        assert said.returncode == 1
        assert "no Python" in said.stdout


def test_wrong_use_is_told(standin: StandIn) -> None:
    said = doctor(standin, "--sandbox", "no-such-sandbox")
    assert said.returncode == 1
    assert "sandbox no-such-sandbox: " in said.stderr
    said = doctor(standin, "--domain", "127.0.0.1:1")
    assert said.returncode == 2
    assert "--sandbox" in said.stderr
