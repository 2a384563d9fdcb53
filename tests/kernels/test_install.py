"""What all installers share."""

import os
import pwd
import sys
from pathlib import Path

import pytest

from code_interpreter.kernels import install
from code_interpreter.kernels.launch import KernelMissingError
from code_interpreter.kernels.specs import kernelspecs


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path / "jupyter"


def test_another_home_does_not_move_the_users_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTER_DATA_DIR", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", "/nowhere")
    assert install.data_dir().is_relative_to(pwd.getpwuid(os.getuid()).pw_dir)


def test_each_line_of_a_command_is_passed_on_as_it_comes() -> None:
    lines: list[str] = []
    install.run(["sh", "-c", "echo one; echo two >&2; printf three"], say=lines.append)
    assert lines == ["one", "two", "three"]


def test_the_error_of_a_failed_command_has_its_status_and_its_last_lines() -> None:
    with pytest.raises(KernelMissingError, match=r"status 3:\n(  \d+\n){19}  100$"):
        install.run(["sh", "-c", "seq 100; exit 3"], say=lambda _line: None)


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(KernelMissingError, match="no-such-command"):
        install.run(["no-such-command"], say=print)


def test_a_program_appears_whole_and_replaces_the_old_one(data: Path) -> None:
    target = install.program_dir("some")
    for name in ("old", "new"):
        with install.staged(target) as folder:
            (folder / name).touch()
            assert not (target / name).exists()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in target.parent.iterdir()] == ["some"]
    assert target == data / "code-interpreter" / "some"


def test_a_program_that_fails_to_be_made_leaves_nothing_and_the_old_one_stays(data: Path) -> None:
    del data
    target = install.program_dir("some")
    with install.staged(target) as folder:
        (folder / "old").touch()
    with pytest.raises(KernelMissingError), install.staged(target) as folder:
        install.run(["sh", "-c", "touch new; exit 1"], say=print, cwd=folder)
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.parent.iterdir()] == ["some"]


def test_of_two_that_make_the_same_program_the_first_wins(data: Path) -> None:
    del data
    target = install.program_dir("some")
    with install.staged(target) as slow:
        (slow / "slow").touch()
        with install.staged(target) as quick:
            (quick / "quick").touch()
    assert [path.name for path in target.iterdir()] == ["quick"]
    assert [path.name for path in target.parent.iterdir()] == ["some"]


def test_jupyter_finds_a_kernelspec_that_was_written(data: Path) -> None:
    folder = install.write_kernelspec(
        "some",
        argv=[sys.executable, "{connection_file}"],
        display_name="Some",
        language="some language",
    )
    assert folder == data / "kernels" / "some"
    assert [path.name for path in folder.iterdir()] == ["kernel.json"]
    (spec,) = kernelspecs("some language")
    assert (spec.argv, spec.interrupt_mode) == ([sys.executable, "{connection_file}"], "signal")
