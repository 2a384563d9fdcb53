"""What is sent to a sandbox, and said there: all but the way itself."""

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import code_interpreter
from code_interpreter import BundledRuntime, InvalidArgumentError, RuntimeSetupError
from code_interpreter._bundled import inside, talk
from code_interpreter._bundled.package import archive, requirements
from code_interpreter._bundled.settings import chosen
from code_interpreter._bundled.talk import Daemon, Talk, state_path
from code_interpreter._version import __version__
from code_interpreter.execd.host.processes import MARKER_VARIABLE

STATE = {"port": 44790, "token": "secret", "languages": ["bash", "python"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 65536},
        {"languages": "python"},
        {"languages": ["cobol"]},
        {"home": "relative"},
        {"home": "/with\0nothing"},
        {"python": " "},
        {"start_timeout": timedelta(0)},
    ],
)
def test_settings_that_are_not_valid_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        BundledRuntime(**wrong)


def test_a_folder_without_wheels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no wheel"):
        BundledRuntime(wheels=tmp_path)


def test_languages_have_their_names_on_the_wire() -> None:
    assert BundledRuntime(languages=["JS", " python "]).languages == ("javascript", "python")


def test_the_choice_of_a_runtime_is_checked() -> None:
    settings = BundledRuntime(port=1234)
    assert chosen("native") is None
    assert chosen("auto") == chosen("bundled") == BundledRuntime()
    assert chosen(settings) is settings
    with pytest.raises(InvalidArgumentError, match="'natve'"):
        chosen("natve")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_requirements_are_those_of_the_servers() -> None:
    declared = [
        "httpx<1,>=0.27",
        "msgspec>=0.19",
        "typing-extensions>=4.6",
        "pillow>=10; extra == 'images'",
        'anyio>=4; extra == "runtime"',
        "uvloop; sys_platform != 'win32' and extra == 'runtime'",
        "anyio>=4; extra == 'local'",
    ]
    assert requirements(declared) == [
        "msgspec>=0.19",
        "typing-extensions>=4.6",
        "anyio>=4",
        "uvloop; sys_platform != 'win32'",
    ]


def test_an_archive_has_the_servers_and_asks_for_all_that_they_import() -> None:
    packed = archive(None)
    assert packed is archive(None)
    with zipfile.ZipFile(io.BytesIO(packed.data)) as file:
        names = set(file.namelist())
        asked = file.read("requirements.txt").decode().splitlines()
        imported = {name for each in names for name in imports(each, file.read(each))}
    assert "package/code_interpreter/execd/process.py" in names
    assert "package/code_interpreter/kernels/javascript/kernel.js" in names
    assert not [n for n in names if "__pycache__" in n or "/local/" in n or "/_async/" in n]
    wanted = {line.split(">")[0].split("<")[0].replace("-", "_") for line in asked}
    foreign = imported - sys.stdlib_module_names - {"code_interpreter", "IPython"}  # ipykernel's
    assert foreign
    assert {"pyzmq" if name == "zmq" else name for name in foreign} <= wanted


def imports(name: str, source: bytes) -> Iterator[str]:
    """Yield the top-level modules that a file imports."""
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def test_wheels_go_with_an_archive_and_change_its_digest(tmp_path: Path) -> None:
    (tmp_path / "one-1-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "other.txt").write_bytes(b"text")
    packed = archive(tmp_path)
    assert packed.digest != archive(None).digest
    assert packed.digest not in repr(packed.data)
    assert "data" not in repr(packed)
    with zipfile.ZipFile(io.BytesIO(packed.data)) as file:
        assert file.read("wheels/one-1-py3-none-any.whl") == b"wheel"
        assert not any("other" in name for name in file.namelist())


@pytest.mark.parametrize("state", ["", "{", "[]", "{}", '{"port": null, "token": "x"}'])
def test_a_state_that_is_not_whole_is_none(state: str) -> None:
    with pytest.raises(ValueError, match="not whole"):
        Daemon(state)


def test_a_state_names_the_daemon() -> None:
    daemon = Daemon(json.dumps(STATE))
    assert (daemon.port, daemon.languages) == (44790, ("bash", "python"))
    assert daemon.headers == {"X-CODE-INTERPRETER-TOKEN": "secret"}
    assert "secret" not in repr(daemon)


def said(job: Talk, *answers: dict[str, Any]) -> list[str]:
    mark = json.loads(job.environment[talk.VARIABLE])["mark"]
    return [f"{mark}{json.dumps(answer)}" for answer in answers]


@given(st.data())
def test_an_answer_arrives_when_one_of_its_copies_does(data: st.DataObject) -> None:
    job = Talk("setup", BundledRuntime(), "0" * 64, limit=1)
    progress, answer = said(
        job, {"step": "start", "message": "it starts"}, {"answer": {"home": "/x"}}
    )
    lines = ["noise", progress, *[answer] * inside.COPIES]
    kept = [line for line in lines if data.draw(st.booleans())]
    for line in data.draw(st.sampled_from([kept, ["\n".join(kept)]])):
        job.hear(line)
    assert job.answer() == ({"home": "/x"} if answer in kept else None)
    assert job.output() == ("noise" if "noise" in kept else "")


@given(st.integers(0, 60))
def test_an_answer_that_is_cut_is_none(end: int) -> None:
    job = Talk("setup", BundledRuntime(), "0" * 64, limit=1)
    (answer,) = said(job, {"answer": {"home": "/x"}})
    job.hear(answer[: min(end, len(answer) - 1)])
    assert job.answer() is None


def test_a_failure_is_raised_with_all_that_is_known() -> None:
    job = Talk("setup", BundledRuntime(), "0" * 64, limit=1)
    told = {"step": "install", "problem": "no way", "cure": "a way", "output": "404"}
    job.hear(said(job, {"failure": told}, {"answer": {"failure": told}})[1])
    with pytest.raises(RuntimeSetupError, match="no way; a way\n404") as caught:
        job.answer()
    assert (caught.value.step, caught.value.cure, caught.value.output) == (
        "install",
        "a way",
        "404",
    )


def run_here(job: Talk, home: Path, **environment: str) -> None:
    """Run a job's command on this machine, where nothing of it may be left outside `home`."""
    done = subprocess.run(
        ["sh", "-c", job.command],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **job.environment, **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
    )
    job.hear(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="sandboxes run Linux")
def test_a_look_says_what_there_is_and_starts_nothing(tmp_path: Path) -> None:
    home = tmp_path / "runtime"
    job = Talk("look", BundledRuntime(python=sys.executable, home=str(home)), "0" * 64, limit=20)
    run_here(job, tmp_path)
    answer = job.answer()
    assert answer is not None
    assert answer["home"] == str(home)
    assert answer["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert answer["running"] is None
    assert answer["installed"] is True  # this very package, as it is installed here
    assert list(home.iterdir()) == []


def test_a_python_that_is_missing_is_told() -> None:
    job = Talk("look", BundledRuntime(python="/no/such/python"), "0" * 64, limit=20)
    done = subprocess.run(
        ["sh", "-c", job.command], capture_output=True, text=True, check=True, env={}
    )
    job.hear(done.stdout)
    with pytest.raises(RuntimeSetupError, match="no /no/such/python") as caught:
        job.answer()
    assert caught.value.step == "look"


@pytest.mark.skipif(sys.platform != "linux", reason="sandboxes run Linux")
def test_only_a_folder_that_is_ours_alone_is_used(tmp_path: Path) -> None:
    good = tmp_path / "deep" / "good"
    assert inside.is_usable(good)
    assert good.stat().st_mode & 0o777 == 0o700
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert not inside.is_usable(shared)
    link = tmp_path / "link"
    link.symlink_to(good)
    assert not inside.is_usable(link)
    file = tmp_path / "file"
    file.touch()
    assert not inside.is_usable(file)
    assert not inside.is_usable(Path("/proc/nothing"))


@pytest.mark.skipif(sys.platform != "linux", reason="sandboxes run Linux")
def test_a_process_is_known_by_its_birth() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert inside.birth(process.pid) is not None
        assert inside.birth(process.pid) == inside.birth(process.pid)
        process.kill()
        process.wait()
        assert inside.birth(process.pid) is None


def test_both_sides_use_the_same_names() -> None:
    assert inside.JOB == talk.VARIABLE
    assert inside.HEADER == talk.TOKEN_HEADER
    assert inside.MARKER == MARKER_VARIABLE
    assert str(inside.IMAGE) == talk.IMAGE
    assert state_path("/x") == f"/x/daemon-{__version__}.json"
    assert Path(code_interpreter.__file__).parent in Path(inside.__file__).parents
