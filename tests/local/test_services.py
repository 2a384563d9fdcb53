"""`sandbox.files`, `.commands` and `.metrics` of the `opensandbox` package, async and sync.

Each flow is written once: what the async services return is awaited, what the others return is
taken as it is.
"""

import asyncio
import inspect
import io
import os
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opensandbox import Sandbox
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import ExecutionHandlers, RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync
from opensandbox.models.filesystem import (
    ContentReplaceEntry,
    DirectoryListEntry,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)
from opensandbox.sync.sandbox import SandboxSync

from code_interpreter.local import LocalServer

pytestmark = pytest.mark.kernels

Flow = Callable[[Any], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(params=["async", "sync"])
def run(request: pytest.FixtureRequest, server: LocalServer) -> Callable[[Flow], None]:
    """Runs a flow in a sandbox of its own."""

    async def flow_async(flow: Flow) -> None:
        sandbox = await Sandbox.create("any", connection_config=server.connection_config)
        async with sandbox:
            await flow(sandbox)
            await sandbox.kill()

    def run(flow: Flow) -> None:
        if request.param == "async":
            asyncio.run(flow_async(flow))
            return
        config = server.connection_config_sync
        with SandboxSync.create("any", connection_config=config) as sandbox:
            asyncio.run(flow(sandbox))
            sandbox.kill()

    return run


async def done(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def awaited(function: Callable[[Any], Any]) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """A handler for the async client."""

    async def handler(value: Any) -> None:
        await done(function(value))

    return handler


async def ended(commands: Any, command_id: str) -> Any:
    """The status of a command that has ended."""
    while True:
        status = await done(commands.get_command_status(command_id))
        if not status.running:
            return status
        await asyncio.sleep(0.05)


async def pieces(stream: Any) -> list[bytes]:
    if hasattr(stream, "__aiter__"):
        return [piece async for piece in stream]
    return list(stream)


def test_files_are_written_and_read(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        files = sandbox.files
        text = "eins\nzwei ü\u2028\ndrei\n"
        await done(files.write_file("dir ü/a b.txt", text, mode=640))
        assert await done(files.read_file("dir ü/a b.txt")) == text
        assert await done(files.read_file("dir ü/a b.txt", offset=2, limit=1)) == "zwei ü\u2028\n"
        assert await done(files.read_bytes("dir ü/a b.txt", range_header="bytes=0-3")) == b"eins"
        big = os.urandom(10 * 1024 * 1024)
        await done(
            files.write_files(
                [
                    WriteEntry(path="big", data=io.BytesIO(big)),
                    WriteEntry(path="latin", data="é", encoding="latin-1", mode=600),
                    WriteEntry(path="empty", data=b""),
                ]
            )
        )
        assert await done(files.read_bytes("big")) == big
        assert await done(files.read_file("latin", encoding="latin-1")) == "é"
        assert await done(files.read_bytes("empty")) == b""
        stream = await done(files.read_bytes_stream("big", chunk_size=100_000))
        assert b"".join(await pieces(stream)) == big
        with pytest.raises(SandboxApiException) as caught:
            await done(files.read_file("none"))
        assert caught.value.status_code == 404

    run(flow)


def test_files_are_looked_at_and_found(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        files = sandbox.files
        await done(files.create_directories([WriteEntry(path="d/e", mode=750)]))
        await done(files.write_file("d/e/deep.py", "1", mode=644))
        await done(files.write_file("d/a.txt", "12", mode=600))
        infos = await done(files.get_file_info(["d/a.txt", "d/e"]))
        assert (infos["d/a.txt"].entry_type, infos["d/a.txt"].size) == ("file", 2)
        assert (infos["d/a.txt"].mode, infos["d/e"].mode) == (600, 750)
        assert infos["d/e"].entry_type == "directory"
        assert infos["d/e"].modified_at.tzinfo is not None
        listed = await done(files.list_directory(DirectoryListEntry(path="d")))
        assert [Path(entry.path).name for entry in listed] == ["a.txt", "e"]
        deep = await done(files.list_directory(DirectoryListEntry(path="d", depth=2)))
        assert [Path(entry.path).name for entry in deep] == ["a.txt", "e", "deep.py"]
        found = await done(files.search(SearchEntry(path="d", pattern="*.py")))
        assert [Path(entry.path).name for entry in found] == ["deep.py"]

    run(flow)


def test_files_are_changed_and_removed(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        files = sandbox.files
        await done(files.write_file("d/a.txt", "one two one", mode=600))
        await done(files.set_permissions([SetPermissionEntry(path="d/a.txt", mode=705)]))
        assert (await done(files.get_file_info(["d/a.txt"])))["d/a.txt"].mode == 705
        entry = ContentReplaceEntry(path="d/a.txt", old_content="one", new_content="1")
        (result,) = await done(files.replace_contents_detailed([entry]))
        assert (result.path, result.replaced_count) == ("d/a.txt", 2)
        again = ContentReplaceEntry(path="d/a.txt", old_content="two", new_content="2")
        await done(files.replace_contents([again]))
        assert await done(files.read_file("d/a.txt")) == "1 2 1"
        await done(files.move_files([MoveEntry(source="d/a.txt", destination="d/new/b.txt")]))
        assert await done(files.read_file("d/new/b.txt")) == "1 2 1"
        await done(files.delete_files(["d/new/b.txt", "none"]))
        await done(files.delete_directories(["d"]))
        with pytest.raises(SandboxApiException) as caught:
            await done(files.get_file_info(["d"]))
        assert caught.value.status_code == 404

    run(flow)


def test_commands_run_in_the_foreground(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        commands = sandbox.commands
        execution = await done(commands.run("echo hi; echo err >&2; exit 3"))
        assert [message.text for message in execution.logs.stdout] == ["hi"]
        assert [message.text for message in execution.logs.stderr] == ["err"]
        assert execution.exit_code == 3
        opts = RunCommandOpts(
            working_directory="/usr", envs={"A": "b c"}, timeout=timedelta(seconds=30)
        )
        execution = await done(commands.run(["sh", "-c", "pwd; echo $A"], opts=opts))
        assert [message.text for message in execution.logs.stdout] == ["/usr", "b c"]
        assert execution.exit_code == 0
        short = RunCommandOpts(timeout=timedelta(milliseconds=300))
        execution = await done(commands.run("sleep 1000", opts=short))
        assert execution.exit_code == -1

    run(flow)


def test_output_of_a_command_reaches_handlers_and_an_interrupt_its_whole_group(
    run: Callable[[Flow], None],
) -> None:
    async def flow(sandbox: Any) -> None:
        commands, ids = sandbox.commands, list[str]()
        seen: list[tuple[str, str]] = []

        def on_init(init: Any) -> None:
            ids.append(init.id)

        def on_stderr(message: Any) -> None:
            seen.append(("stderr", message.text))

        def on_stdout(message: Any) -> Any:
            seen.append(("stdout", message.text))
            if message.text == "ready":
                return commands.interrupt(ids[0])
            return None

        if isinstance(sandbox, SandboxSync):
            handlers: Any = ExecutionHandlersSync(
                on_init=on_init, on_stdout=on_stdout, on_stderr=on_stderr
            )
        else:
            handlers = ExecutionHandlers(
                on_init=awaited(on_init), on_stdout=awaited(on_stdout), on_stderr=awaited(on_stderr)
            )
        script = "echo one; echo two >&2; sleep 1000 & sleep 0.2; echo ready; wait"
        execution = await done(commands.run(script, handlers=handlers))
        assert sorted(seen) == [("stderr", "two"), ("stdout", "one"), ("stdout", "ready")]
        assert execution.id == ids[0]
        assert execution.exit_code == -1
        status = await done(commands.get_command_status(ids[0]))
        assert (status.running, status.content) == (False, script)
        with pytest.raises(SandboxApiException):
            await done(commands.interrupt(ids[0]))

    run(flow)


def test_commands_do_not_run_as_another_user_in_a_box(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        other = RunCommandOpts(uid=12345, gid=23456, working_directory="/")
        with pytest.raises(SandboxApiException, match="only root"):
            await done(sandbox.commands.run("id", opts=other))

    run(flow)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can")
def test_commands_run_as_another_user_without_a_box_by_root() -> None:
    other = RunCommandOpts(uid=12345, gid=23456, working_directory="/")
    with LocalServer(isolation="none") as server:
        config = server.connection_config_sync
        with SandboxSync.create("any", connection_config=config) as sandbox:
            execution = sandbox.commands.run("id -u; id -g", opts=other)
            assert [message.text for message in execution.logs.stdout] == ["12345", "23456"]
            # What that user may not read, the command does not either.
            sandbox.files.write_file("/tmp/of-root", "secret", mode=600)
            execution = sandbox.commands.run("cat /tmp/of-root", opts=other)
            sandbox.files.delete_files(["/tmp/of-root"])
            assert execution.exit_code == 1
            assert execution.logs.stdout == []
            sandbox.kill()


def test_what_is_not_there_is_an_api_error(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        commands, files = sandbox.commands, sandbox.files
        calls: list[Callable[[], Any]] = [
            lambda: commands.get_command_status("none"),
            lambda: commands.get_background_command_logs("none"),
            lambda: commands.interrupt("none"),
            lambda: commands.run_in_session("none", "true"),
            lambda: commands.delete_session("none"),
            lambda: commands.create_session(working_directory="/none"),
            lambda: files.read_bytes("none"),
            lambda: files.search(SearchEntry(path="none", pattern="*")),
            lambda: files.list_directory(DirectoryListEntry(path="none")),
            lambda: files.move_files([MoveEntry(source="none", destination="a")]),
            lambda: files.set_permissions([SetPermissionEntry(path="none", mode=600)]),
            lambda: files.replace_contents(
                [ContentReplaceEntry(path="none", old_content="a", new_content="b")]
            ),
        ]
        for call in calls:
            with pytest.raises(SandboxApiException) as caught:
                await done(call())
            assert caught.value.status_code in {400, 404, 500}
            assert caught.value.error.code != "UNKNOWN"
        with pytest.raises(SandboxApiException):
            await pieces(await done(files.read_bytes_stream("none")))

    run(flow)


def test_links_are_shown_as_links_and_not_followed(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        files = sandbox.files
        await done(sandbox.commands.run("mkdir -p d/real; touch d/real/a; ln -s real d/link"))
        listed = await done(files.list_directory(DirectoryListEntry(path="d", depth=5)))
        kinds = {Path(entry.path).name: entry.entry_type for entry in listed}
        assert kinds == {"real": "directory", "a": "file", "link": "symlink"}
        found = await done(files.search(SearchEntry(path="d", pattern="**/a")))
        assert [Path(entry.path).parent.name for entry in found] == ["real"]
        await done(files.delete_directories(["d/link"]))
        assert (await done(files.get_file_info(["d/real/a"])))["d/real/a"].size == 0

    run(flow)


def test_a_stream_of_bytes_takes_a_range(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        await done(sandbox.files.write_file("digits", "0123456789"))
        stream = await done(
            sandbox.files.read_bytes_stream("digits", chunk_size=2, range_header="bytes=3-7")
        )
        assert await pieces(stream) == [b"34", b"56", b"7"]

    run(flow)


def test_commands_run_in_the_background(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        commands = sandbox.commands
        opts = RunCommandOpts(background=True)
        execution = await done(commands.run("echo on; sleep 0.5; echo off; exit 4", opts=opts))
        status = await ended(commands, execution.id)
        assert (status.id, status.exit_code) == (execution.id, 4)
        assert status.finished_at > status.started_at
        logs = await done(commands.get_background_command_logs(execution.id))
        assert (logs.content, logs.cursor) == ("on\noff\n", 7)
        rest = await done(commands.get_background_command_logs(execution.id, cursor=3))
        assert rest.content == "off\n"
        execution = await done(commands.run("sleep 1000", opts=opts))
        await done(commands.interrupt(execution.id))
        status = await ended(commands, execution.id)
        assert status.exit_code == -1

    run(flow)


def test_variables_are_set_for_future_commands(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        values = {"A": "plain", "B": "two\nlines $A", "C": 'it\'s "quoted"\t\\', "D": ""}
        for name, value in values.items():
            await done(sandbox.commands.set_env(name, value))
        execution = await done(sandbox.commands.run("printenv -0 A B C D | od -An -v -tx1"))
        dump = "".join(message.text for message in execution.logs.stdout)
        assert bytes.fromhex(dump).decode().split("\0")[:-1] == list(values.values())

    run(flow)


def test_sessions_keep_their_state(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        commands = sandbox.commands
        session = await done(commands.create_session(working_directory="/usr"))

        async def says(command: str, **options: Any) -> list[str]:
            execution = await done(commands.run_in_session(session, command, **options))
            assert execution.exit_code == 0
            return [message.text for message in execution.logs.stdout]

        assert await says("pwd; cd /; a=1; f() { echo f $a; }") == ["/usr"]
        assert await says("pwd; f") == ["/", "f 1"]
        assert await says("pwd", working_directory="/usr") == ["/usr"]
        assert await says("pwd") == ["/"]
        execution = await done(commands.run_in_session(session, "exit 3"))
        assert execution.exit_code == 3
        short = timedelta(milliseconds=300)
        execution = await done(commands.run_in_session(session, "sleep 1000", timeout=short))
        assert execution.exit_code == -1
        await done(commands.delete_session(session))
        with pytest.raises(SandboxApiException) as caught:
            await done(commands.delete_session(session))
        assert caught.value.status_code == 404

    run(flow)


def test_metrics_are_measured(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        for metrics in (
            await done(sandbox.get_metrics()),
            await done(sandbox.metrics.get_metrics(sandbox.id)),
        ):
            assert metrics.cpu_count > 0
            assert 0 <= metrics.cpu_used_percentage <= 100
            assert 0 < metrics.memory_used_in_mib < metrics.memory_total_in_mib
            assert metrics.timestamp > 1_700_000_000_000

    run(flow)


def test_other_identities_are_refused(run: Callable[[Flow], None]) -> None:
    async def flow(sandbox: Any) -> None:
        with pytest.raises(SandboxApiException) as caught:
            await done(sandbox.files_with_identity(1000, 1000).read_file("a"))
        assert caught.value.status_code == 503

    run(flow)
