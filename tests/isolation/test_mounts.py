"""Folders of the machine in a box: what was given, as it was given, and nothing beside."""

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from opensandbox import SandboxSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.sandboxes import PVC, Host, Volume

from code_interpreter import CodeInterpreterSync
from code_interpreter.local import LocalServer, Mount
from code_interpreter.local.box.volumes import MountError, allowed, resolve
from code_interpreter.local.box.volumes import Volume as Shown
from tests.isolation.conftest import TIERS, need_box

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder where all users get, outside of those that a box has of its own."""
    with TemporaryDirectory(prefix="mounts-", dir="/tmp") as made:
        path = Path(made)
        path.chmod(0o711)
        for name in ("data", "results", "other"):
            (path / name).mkdir()
            (path / name).chmod(0o777)
            (path / name / "x").write_text(name)
        yield path


@pytest.fixture(params=TIERS)
def tier(request: pytest.FixtureRequest) -> str:
    need_box(request.param)
    return str(request.param)


def inside(tier: str, folder: Path, path: str) -> str:
    return path if tier == "namespaces" else str(folder)


def test_a_folder_is_there_to_read_and_if_it_says_so_to_write(tier: str, place: Path) -> None:
    data = inside(tier, place / "data", "/data")
    results = inside(tier, place / "results", "/srv/my/results")
    mounts = {data: place / "data", results: Mount(place / "results", writable=True)}
    with CodeInterpreterSync.local(isolation=tier, mounts=mounts) as interpreter:  # type: ignore[arg-type]
        assert interpreter.codes.run(f"open('{data}/x').read()").text == "'data'"
        error = interpreter.codes.run(f"open('{data}/y', 'w')").error
        assert error is not None
        assert error.name in {"OSError", "PermissionError"}
        interpreter.codes.run(f"open('{results}/y', 'w').write('made')").raise_for_error()
        assert interpreter.sandbox.files.read_file(f"{results}/y") == "made"
        said = interpreter.codes.run(f"cat {data}/x; ls {place}/other", language="bash")
        assert said.text == "data"
    assert (place / "results" / "y").read_text() == "made"
    assert not (place / "data" / "y").exists()


def test_volumes_are_those_that_the_server_allows(tier: str, place: Path) -> None:
    (place / "data" / "link").symlink_to(place / "other")
    (place / "data" / "below").mkdir()
    (place / "data" / "below").chmod(0o777)
    with LocalServer(isolation=tier, allow_volumes=[place / "data"]) as server:  # type: ignore[arg-type]

        def volume(folder: Path, sub_path: str | None = None) -> Volume:
            path = inside(tier, folder / (sub_path or ""), "/mine")
            return Volume(
                name="v", host=Host(path=str(folder)), mountPath=path.rstrip("/"), subPath=sub_path
            )

        def make(wanted: Volume) -> SandboxSync:
            return SandboxSync.create(
                "x", connection_config=server.connection_config_sync, volumes=[wanted]
            )

        for given in (volume(place / "data"), volume(place / "data", "below")):
            with make(given) as sandbox:
                sandbox.files.write_file(f"{given.mount_path}/made", "whole")
                sandbox.kill()
        assert (place / "data" / "made").read_text() == "whole"
        assert (place / "data" / "below" / "made").read_text() == "whole"
        for refused in (place, place / "other", place / "data" / "link", Path("/root")):
            with pytest.raises(SandboxApiException, match="does not allow") as caught:
                make(volume(refused))
            assert caught.value.status_code == 400
        with pytest.raises(SandboxApiException, match="not a folder"):
            make(volume(place / "data" / "x"))
        with pytest.raises(SandboxApiException, match="subPath must lead to what is below"):
            make(volume(place / "data", "../other"))
        with pytest.raises(SandboxApiException, match="not pvc"):
            make(Volume(name="v", pvc=PVC(claimName="c"), mountPath="/mine"))


@contextmanager
def swapping(link: Path, *targets: Path) -> Generator[None, None, None]:
    """A link, or a folder, that is now this and now that."""
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for target in targets:
                other = link.with_name("swapped")
                with suppress(OSError):
                    other.symlink_to(target)
                    other.replace(link)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_link_that_changes_while_a_box_is_made_leads_nowhere_else(place: Path) -> None:
    need_box("namespaces")
    (place / "data" / "good").mkdir()
    (place / "data" / "good" / "x").write_text("good")
    link = place / "data" / "link"
    link.symlink_to(place / "data" / "good")
    with (
        LocalServer(isolation="namespaces", allow_volumes=[place / "data"]) as server,
        swapping(link, place / "other", place / "data" / "good"),
    ):
        wanted = Volume(name="v", host=Host(path=str(link)), mountPath="/mine")
        for _ in range(12):
            with (
                suppress(SandboxApiException),
                SandboxSync.create(
                    "x", connection_config=server.connection_config_sync, volumes=[wanted]
                ) as sandbox,
            ):
                assert sandbox.files.read_file("/mine/x") == "good"
                sandbox.kill()


def test_what_is_no_folder_or_no_place_is_refused_before_anything_starts(place: Path) -> None:
    need_box("namespaces")
    for mounts, problem in (
        ({"data": place}, "must be absolute"),
        ({"/data": place / "none"}, "not a folder"),
    ):
        with pytest.raises(ValueError, match=problem):
            LocalServer(isolation="namespaces", mounts=mounts)
    with pytest.raises(ValueError, match="not a folder"):
        LocalServer(isolation="namespaces", allow_volumes=[place / "none"])
    with pytest.raises(ValueError, match="has all folders"):
        LocalServer(isolation="none", mounts={"/data": place})
    for path in ("/", "/usr/data", "/sandbox/work/data", "/sandbox", "/tmp", "/proc/1", "/etc"):
        server = LocalServer(isolation="namespaces", mounts={path: place})
        with pytest.raises(ValueError, match=r"cannot be a folder of yours|not the absolute path"):
            server.start()


def test_no_folder_has_another_in_it(place: Path) -> None:
    volumes = [Shown(str(place / "data"), path, writable=True) for path in ("/a", "/a/b")]
    folders = allowed([place])
    with pytest.raises(MountError, match="the box has /a"):
        resolve(volumes, folders, beside=(), taken=(), moves=True)
    with pytest.raises(MountError, match="the box has /a"):
        resolve(volumes[1:], folders, beside=volumes[:1], taken=(), moves=True)
    with pytest.raises(MountError, match="at their own paths alone"):
        resolve(volumes[:1], folders, beside=(), taken=(), moves=False)
    same = [Shown(f"{place}/data/", f"{place}/./data", writable=True)]
    (found,) = resolve(same, folders, beside=(), taken=(), moves=False)
    assert found == Shown(str(place / "data"), str(place / "data"), writable=True)


def test_no_descriptor_of_a_folder_is_left_in_the_box(tier: str, place: Path) -> None:
    data = inside(tier, place / "data", "/data")
    with CodeInterpreterSync.local(isolation=tier, mounts={data: place / "data"}) as interpreter:  # type: ignore[arg-type]
        code = """
import os
found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    except OSError:
        pass
print([name for name in found if "data" in name and name.endswith("data")])
"""
        assert interpreter.codes.run(code).raise_for_error().text == "[]"
    assert os.path.isdir(place / "data")  # noqa: PTH112
