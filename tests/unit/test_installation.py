"""What can be installed, and what the output of an installer means."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import code_interpreter._inside.python_packages as inside
from code_interpreter import CodeContext, InstallError, InvalidArgumentError
from code_interpreter._call.installation import Installation, plan_install
from tests.support.packages import wheel

GOOD = {
    "python": ["pandas", "pandas>=2,<3", "a[b] @ https://example.com/a.whl", "./a.whl", "/a b.whl"],
    "javascript": ["lodash", "@scope/name@^1.2", "./two.tgz", "https://example.com/a.tgz"],
    "typescript": ["lodash@4"],
    "java": ["com.google.code.gson:gson:2.11.0", "a:b:jar:c:1.0"],
    "go": ["github.com/google/uuid", "github.com/google/uuid@v1.6.0", "golang.org/x/exp@latest"],
}
BAD: dict[str, list[Any]] = {
    "python": ["", " ", "-e .", "--index-url=http://x", "a\nb", "a\0", None, 1, b"a"],
    "javascript": ["", "-g", "--prefix=/", "a b", "a\nb"],
    "typescript": ["-g"],
    "java": ["gson", "a:b", "a:b:c d", "a:b:1\n%jars /etc", "a:b:1;"],
    "go": ["", "-u", "a b", "a; rm -rf /", "a$(b)", "a|b", "a@v1 && x", "a`b`", "a\nb"],
}


@pytest.mark.parametrize(("language", "packages"), GOOD.items())
def test_what_an_installer_takes_goes_into_its_cell(language: str, packages: list[str]) -> None:
    plan = plan_install(packages, language, None)
    assert plan.language == language
    assert all(package in plan.cell for package in packages)
    assert plan.mark in plan.cell


@pytest.mark.parametrize(
    ("language", "package"), [(name, each) for name, all_ in BAD.items() for each in all_]
)
def test_what_is_an_option_or_more_than_a_package_is_refused(language: str, package: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        plan_install([package], language, None)


def test_there_is_a_package_and_a_language_that_has_them() -> None:
    with pytest.raises(InvalidArgumentError, match="a package"):
        plan_install([], None, None)
    with pytest.raises(InvalidArgumentError, match="bash"):
        plan_install(["jq"], "sh", None)
    with pytest.raises(InvalidArgumentError, match="disagree"):
        plan_install(["a"], "js", CodeContext(language="python"))
    assert plan_install(["a"], None, CodeContext(language="javascript")).language == "javascript"
    assert plan_install(["a"], None, None).language == "python"


def test_lines_are_told_whole_and_the_mark_is_not_told() -> None:
    plan = plan_install(["a"], None, None)
    installation = Installation(plan)
    assert installation.take("one\ntw") == ["one"]
    assert installation.take(f"o\r\n\n{plan.mark}\nthree") == ["two"]
    assert installation.end() == ["three"]
    installation.check(None)


def test_without_the_mark_it_has_failed_and_the_last_lines_say_why() -> None:
    installation = Installation(plan_install(["a"], None, None))
    installation.take("\n".join(map(str, range(100))) + "\n")
    with pytest.raises(InstallError, match="RuntimeError: why") as failed:
        installation.check("RuntimeError: why")
    assert failed.value.output == [*map(str, range(50, 100)), "RuntimeError: why"]


@pytest.mark.slow
@pytest.mark.parametrize("room", [None, "packages"])
def test_where_there_is_neither_uv_nor_pip_the_pip_that_comes_with_python_installs(
    tmp_path: Path, room: str | None
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv/bin/python"
    for version in ("1.0", "2.0"):
        name, content = wheel(version)
        (tmp_path / name).write_bytes(content)
        program = (
            f"exec(open({inside.__file__!r}).read())\n"
            f"install([{str(tmp_path / name)!r}], 'done')\n"
            "import tiny_one\nprint(tiny_one.VERSION, tiny_one.__file__)"
        )
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        env["PATH"] = str(tmp_path / "venv/bin")
        if room is not None:
            env["CODE_INTERPRETER_PACKAGES"] = str(tmp_path / room)
        told = subprocess.run(
            [python, "-c", program], env=env, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr
        assert "done" in told.stdout.splitlines()
        at_last = told.stdout.splitlines()[-1]
        assert at_last.startswith(f"{version} {tmp_path / (room or 'venv')}/")
