"""`code-interpreter kernels`, as a shell sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from code_interpreter.cli.kernel_commands import table
from code_interpreter.kernels.launch import Installed
from code_interpreter.kernels.providers import providers

LANGUAGES = [language for provider in providers() for language in provider.languages]


def kernels(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "code_interpreter.cli", "kernels", *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **env},
        text=True,
        timeout=100,
    )


def test_each_language_is_listed_with_its_kernel_or_with_what_installs_it() -> None:
    answer = kernels("list", "--json")
    assert (answer.returncode, answer.stderr) == (0, "")
    said = json.loads(answer.stdout)
    having = {kernel["language"] for kernel in said["installed"]}
    assert "python" in having
    assert having | said["missing"].keys() == set(LANGUAGES)
    assert not having & said["missing"].keys()
    for kernel in said["installed"]:
        assert kernel.keys() == {"language", "version", "kernel", "where"}
    versions = [
        tuple(map(int, kernel["version"].split(".")))
        for kernel in said["installed"]
        if kernel["language"] == "python"
    ]
    assert versions == sorted(versions, reverse=True)


def test_a_language_without_a_kernel_is_told_with_the_command_that_installs_it(
    tmp_path: Path,
) -> None:
    answer = kernels("list", PATH=str(tmp_path), JUPYTER_DATA_DIR=str(tmp_path))
    assert "No kernel for bash: code-interpreter kernels install bash\n" in answer.stdout
    assert answer.returncode == 0


def test_the_table_is_as_wide_as_what_is_in_it() -> None:
    lines = table(
        [
            Installed("python", "3.12.1", "ipykernel 7.4.0", "/usr/bin/python"),
            Installed("go", "1.26", "gonb 0.11.3", "/go"),
        ]
    ).splitlines()
    assert lines == [
        "LANGUAGE  VERSION  KERNEL           WHERE",
        "python    3.12.1   ipykernel 7.4.0  /usr/bin/python",
        "go        1.26     gonb 0.11.3      /go",
    ]


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    def install() -> dict[str, str]:
        answer = kernels("install", "BASH", JUPYTER_DATA_DIR=str(tmp_path))
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.startswith("bash: ")
        return {str(path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}

    assert install() == install() != {}


def test_what_must_be_there_first_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    answer = kernels("install", "bash", PATH=str(tmp_path), JUPYTER_DATA_DIR=str(tmp_path))
    assert answer.returncode == 1
    assert "code-interpreter: bash: bash is not on PATH: install it" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    answer = kernels("install", "cobol", "bash")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "no such language: cobol" in answer.stderr
    assert "python" in answer.stderr


@pytest.mark.kernels
def test_the_kernelspec_of_bash_starts_a_kernel_for_other_jupyter_programs(tmp_path: Path) -> None:
    kernels("install", "bash", JUPYTER_DATA_DIR=str(tmp_path))
    code = (
        "from jupyter_client.manager import start_new_kernel\n"
        "manager, client = start_new_kernel(kernel_name='bash')\n"
        "client.execute_interactive('echo $((6 * 7)); false', allow_stdin=False)\n"
        "reply = client.execute_interactive('exit 3', allow_stdin=False)\n"
        "print(reply['content']['ename'], reply['content']['evalue'])\n"
        "client.stop_channels()\n"
        "manager.shutdown_kernel(now=True)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "JUPYTER_DATA_DIR": str(tmp_path)},
        text=True,
        timeout=100,
    )
    assert answer.stdout == "42\nExitStatus 3\n"
