"""opensandbox-execd-client: what is built holds the client and nothing else, and works alone."""

import email
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import execd_client
import pytest
import yaml

from tests.execd_client.environments import ROOT, make_environment, run

pytestmark = [pytest.mark.network, pytest.mark.slow]

GENERATED = ROOT / "generated"
SMOKE = Path(__file__).with_name("smoke.py")
VERSION: str = yaml.safe_load((ROOT / "openapi" / "execd.yaml").read_text())["info"]["version"]
NEEDS = {"attrs", "httpx", "python-dateutil"}
STEM = f"opensandbox_execd_client-{VERSION}"

TYPED_PROGRAM = """\
from execd_client import Client
from execd_client.api.code_interpreting import create_code_context, run_code
from execd_client.models import CodeContext, CodeContextRequest, RunCodeRequest

with Client("http://127.0.0.1:44772") as client:
    answer = create_code_context.sync(client=client, body=CodeContextRequest(language="python"))
    assert isinstance(answer, CodeContext)
    with run_code.stream(client=client, body=RunCodeRequest("6 * 7", answer)) as events:
        kinds = {event.type_ for event in events}
    answer.no_such_field  # type: ignore[attr-defined]  # which has to be of use
"""


class Built(NamedTuple):
    wheel: Path
    sdist: Path
    source: Path


def build(source: Path, output: Path, *arguments: str) -> None:
    installer = ["--installer", "uv"] if shutil.which("uv") else []
    run(sys.executable, "-m", "build", *installer, *arguments, "--outdir", output, source)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist, and the wheel made from it, of a tree in which people have worked."""
    pytest.importorskip("build", reason="install build: uv sync --group test")
    source = tmp_path_factory.mktemp("source") / "generated"
    shutil.copytree(GENERATED, source, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    leftovers = ["tests/test_x.py", "execd_client/__pycache__/x.pyc", ".mypy_cache/x.json", "x.log"]
    for name in leftovers:
        leftover = source / name
        leftover.parent.mkdir(exist_ok=True)
        leftover.touch()
    output = tmp_path_factory.mktemp("dist")
    build(source, output)
    return Built(output / f"{STEM}-py3-none-any.whl", output / f"{STEM}.tar.gz", source)


def files_of_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def package() -> dict[str, bytes]:
    return {
        str(path.relative_to(GENERATED)): path.read_bytes()
        for path in (GENERATED / "execd_client").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    found = files_of_wheel(built.wheel)
    information = {name for name in found if name.startswith(f"{STEM}.dist-info/")}
    assert {name.partition("/")[2] for name in information} == {
        "METADATA", "RECORD", "WHEEL", "licenses/LICENSE",
    }  # fmt: skip
    assert {name: found[name] for name in found.keys() - information} == package()
    assert "execd_client/py.typed" in found


def test_the_sdist_holds_what_the_wheel_is_made_from_and_nothing_else(built: Built) -> None:
    found: dict[str, bytes] = {}
    with tarfile.open(built.sdist) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                found[member.name.removeprefix(f"{STEM}/")] = file.read()
    assert found.pop("PKG-INFO").startswith(b"Metadata-Version: ")
    more = ("LICENSE", "README.md", "pyproject.toml")
    assert found == package() | {name: (GENERATED / name).read_bytes() for name in more}


def test_the_sdist_makes_the_same_wheel_as_the_tree(built: Built, tmp_path: Path) -> None:
    build(built.source, tmp_path, "--wheel")
    (wheel,) = tmp_path.iterdir()
    assert files_of_wheel(wheel) == files_of_wheel(built.wheel)


def test_the_metadata_say_what_it_is_and_what_it_needs(built: Built) -> None:
    found = files_of_wheel(built.wheel)[f"{STEM}.dist-info/METADATA"]
    metadata = email.message_from_bytes(found)
    assert metadata["Name"] == "opensandbox-execd-client"
    assert metadata["Version"] == VERSION == execd_client.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "execd" in metadata["Summary"]
    assert "execd" in metadata["Keywords"].split(",")
    assert {"Typing :: Typed", "Programming Language :: Python :: 3.10"} <= {
        *metadata.get_all("Classifier", [])
    }
    needs = metadata.get_all("Requires-Dist", [])
    assert {need.partition(">")[0].partition("<")[0] for need in needs} == NEEDS
    assert metadata.get_payload() == (GENERATED / "README.md").read_text()


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_it_works_alone(built: Built, tmp_path: Path, version: str) -> None:
    python = make_environment(tmp_path / "alone", version, built.wheel)

    said = run(python, "-I", "-W", "error", SMOKE, cwd=tmp_path)
    assert said.startswith(f"execd_client {VERSION} works on Python {version}.")

    program = tmp_path / "program.py"
    program.write_text(TYPED_PROGRAM)
    options = ["--strict", "--python-executable", python, "--config-file=", "--cache-dir=/dev/null"]
    run(sys.executable, "-m", "mypy", *options, program, cwd=tmp_path)
