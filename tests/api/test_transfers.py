"""Files and folders in and out, by the daemons of both places."""

import asyncio
import os
from pathlib import Path

import pytest
from opensandbox.exceptions import SandboxException

from code_interpreter import (
    CodeInterpreterSync,
    InvalidArgumentError,
    TransferProgress,
)
from code_interpreter._call.transfer import incoming
from tests.support.places import Place

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

BIG = os.urandom(1 << 20) * 20


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def new_folder(interpreter: CodeInterpreterSync) -> str:
    """A folder in the sandbox where there is nothing."""
    said = interpreter.commands.run("d=$(mktemp -d); echo $d; echo $d")
    return said.logs.stdout[0].text.strip() + "/new"


def test_a_file_goes_there_and_back(place: Place, tmp_path: Path) -> None:
    source, back = tmp_path / "süß name", tmp_path / "deep" / "back"
    source.write_bytes(BIG)
    source.chmod(0o750)
    told: list[TransferProgress] = []
    with place.blocking() as interpreter:
        remote = new_folder(interpreter) + "/süß name"
        interpreter.upload(source, remote, on_progress=told.append)
        assert (told[-1].path, told[-1].done, told[-1].total) == (remote, len(BIG), len(BIG))
        assert len(told) > 1
        interpreter.upload(source, remote)  # what is there is replaced
        information = interpreter.files.get_file_info([remote])[remote]
        assert (information.size, information.mode) == (len(BIG), 750)
        told.clear()
        interpreter.download(remote, back, on_progress=told.append)
        assert told[-1].done == told[-1].total == len(BIG)
        listed = interpreter.commands.run(f"ls -a '{remote.rpartition('/')[0]}' | grep part")
        assert listed.error is not None  # nothing else is left
    assert back.read_bytes() == BIG
    assert [path.name for path in back.parent.iterdir()] == ["back"]


def test_a_folder_goes_there_and_back(place: Place, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    (source / "a" / "b").mkdir(parents=True)
    (source / "empty").mkdir()
    (source / "a" / "b" / "one").write_bytes(b"1")
    (source / "a" / "nothing").write_bytes(b"")
    (source / "link").symlink_to(source / "a")
    for number in range(100):
        (source / "a" / f"{number}").write_bytes(b"x" * number)

    async def main() -> None:
        async with place.tasks() as interpreter:
            made = await interpreter.commands.run("d=$(mktemp -d); echo $d; echo $d")
            remote = made.logs.stdout[0].text.strip() + "/new"
            await interpreter.upload(source, remote)
            await interpreter.commands.run(f"echo other > {remote}/a/1; echo more > {remote}/a/2")
            await interpreter.upload(source, remote)
            await interpreter.download(remote, back)

    asyncio.run(main())
    (source / "link").unlink()
    expected = tree(source)
    linked = {
        f"link{name.removeprefix('a')}": data
        for name, data in expected.items()
        if name.split("/")[0] == "a"
    }
    assert tree(back) == {**expected, **linked}


def test_what_cannot_go_is_refused_before_anything_is_sent(place: Place, tmp_path: Path) -> None:
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "again").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with place.blocking() as interpreter:
        for local, remote in [
            (tmp_path / "absent", "/tmp/x"),
            (tmp_path / "loop", "/tmp/x"),
            (tmp_path / "pipe", "/tmp/x"),
            (tmp_path / "file", ""),
            (tmp_path / "file", "/tmp/x/"),
        ]:
            with pytest.raises(InvalidArgumentError):
                interpreter.upload(local, remote)
        with pytest.raises(SandboxException):
            interpreter.download("/tmp/absent", tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_an_exception_of_the_callback_leaves_nothing(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BIG)

    def stop(_: TransferProgress) -> None:
        raise KeyboardInterrupt

    with place.blocking() as interpreter:
        remote = new_folder(interpreter) + "/file"
        interpreter.files.write_file(remote, b"before")
        with pytest.raises(KeyboardInterrupt):
            interpreter.download(remote, tmp_path / "got", on_progress=stop)
        with pytest.raises(KeyboardInterrupt):
            interpreter.upload(source, remote, on_progress=stop)
        assert interpreter.files.read_file(remote) == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("found", ["/other/x", "/new/../x", "/newer"])
def test_a_server_puts_no_file_outside_of_the_folder(found: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError):
        incoming("/new", found, tmp_path)
    assert incoming("/new", "/new/a/b", tmp_path) == tmp_path / "a" / "b"
