"""The public API against the local runtime, with real kernels: what a user would do."""

import ast
import asyncio
import base64
import contextlib
import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import ExecutionHandlers, ExecutionInit, OutputMessage

import code_interpreter as ci
from code_interpreter import CodeInterpreter, CodeInterpreterSync, SupportedLanguage
from code_interpreter.local import LocalServer
from tests.execd.needs import need_kernel
from tests.support.places import Place

pytestmark = [pytest.mark.kernels, pytest.mark.slow]

PYTHON = SupportedLanguage.PYTHON
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # noqa: E501
HUNDRED_THOUSAND = "".join(f"{n}\n" for n in range(100_000))
LINES = {
    "python": "for n in range(100_000): print(n)",
    "bash": "for ((n = 0; n < 100000; n++)); do echo $n; done",
    "javascript": "for (let n = 0; n < 100000; n++) console.log(n)",
    "typescript": "for (let n: number = 0; n < 100000; n++) console.log(n)",
    "java": "for (int n = 0; n < 100000; n++) System.out.println(n);",
    "go": 'import "fmt"\nfunc main() { for n := 0; n < 100000; n++ { fmt.Println(n) } }',
}


@pytest.fixture(scope="module")
def interpreter(place: Place) -> Iterator[CodeInterpreterSync]:
    with place.blocking() as interpreter:
        yield interpreter


def plain(**handlers: Any) -> ExecutionHandlers:
    """Plain functions as handlers of the async client, which takes both kinds."""
    return ExecutionHandlers(**handlers)


def test_the_default_contexts_state_lasts(interpreter: CodeInterpreterSync) -> None:
    assert interpreter.codes.run("x = 42", language=PYTHON).error is None
    assert interpreter.codes.run("result = x\nresult", language=PYTHON).result[0].text == "42"


def test_contexts_keep_their_state_apart(place: Place) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            one = await interpreter.codes.create_context(PYTHON)
            other = await interpreter.codes.create_context(PYTHON)
            await interpreter.codes.run("users = ['Ada']", context=one)
            again = await interpreter.codes.run("users[0]", context=one)
            assert again.result[0].text == "'Ada'"
            absent = await interpreter.codes.run("users", context=other)
            assert absent.error is not None
            assert absent.error.name == "NameError"

    asyncio.run(main())


def test_handlers_see_prints_when_they_are_printed(place: Place) -> None:
    arrivals: list[tuple[float, str]] = []

    async def on_stdout(message: OutputMessage) -> None:
        arrivals.append((time.monotonic(), message.text))

    async def main() -> None:
        async with place.tasks() as interpreter:
            await interpreter.codes.run(
                "import time\nfor i in range(5):\n    print(i)\n    time.sleep(0.5)",
                handlers=ExecutionHandlers(on_stdout=on_stdout),
            )
            arrivals.append((time.monotonic(), "end"))

    asyncio.run(main())
    texts = [text for _, text in arrivals]
    assert texts == ["0\n", "1\n", "2\n", "3\n", "4\n", "end"]
    # Each print was there before the next was made; nothing had waited for the end.
    assert min(later[0] - earlier[0] for earlier, later in pairwise(arrivals)) > 0.25


def test_contexts_are_made_listed_found_and_deleted(interpreter: CodeInterpreterSync) -> None:
    codes = interpreter.codes
    context = codes.create_context(PYTHON, cwd=None)
    assert context.id is not None
    assert codes.get_context(context.id) == context
    assert context.id in {c.id for c in codes.list_contexts(PYTHON)}
    assert context.id in {c.id for c in codes.list_contexts()}
    codes.delete_context(context.id)
    assert context.id not in {c.id for c in codes.list_contexts()}
    for gone in (codes.get_context, codes.delete_context):
        with pytest.raises(ci.ContextNotFoundError):
            gone(context.id)
    with pytest.raises(ci.ContextNotFoundError):
        codes.run("1", context=context)


def test_deleting_a_languages_contexts_starts_it_afresh(interpreter: CodeInterpreterSync) -> None:
    interpreter.codes.run("kept = 1")
    interpreter.codes.delete_contexts(PYTHON)
    assert interpreter.codes.list_contexts(PYTHON) == []
    assert interpreter.codes.run("'kept' in globals()").result[0].text == "False"


def test_a_context_starts_where_it_was_told(
    interpreter: CodeInterpreterSync,
) -> None:
    work = ast.literal_eval(interpreter.codes.run("import os\nos.getcwd()").text)
    cwd = f"{work}/made/on/demand"
    context = interpreter.codes.create_context(PYTHON, cwd=cwd)
    assert context.cwd == cwd
    execution = interpreter.codes.run("import os\nos.getcwd()", context=context)
    assert execution.result[0].text == repr(os.path.realpath(cwd))


def test_an_error_of_the_code_is_data(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run("print('before')\n1/0")
    assert execution.error is not None
    assert (execution.error.name, execution.error.value) == (
        "ZeroDivisionError",
        "division by zero",
    )
    assert execution.error.traceback
    assert execution.logs.stdout[0].text == "before\n"


def test_what_the_code_clears_leaves_the_execution(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "from IPython.display import clear_output, display\n"
        "for step in range(20):\n"
        "    clear_output(wait=True)\n"
        "    print('step', step)\n"
        "    display(step)\n"
        "'done'"
    )
    assert execution.text == "step 19\n19\n'done'"
    assert len(execution.result) == 2


PROGRESS = {
    "tqdm in a notebook": (
        "from tqdm.notebook import tqdm\nfor step in tqdm(range(3)): pass",
        r"100%\S* 3/3 \[.*\]",
    ),
    "tqdm that leaves nothing": (
        "from tqdm.notebook import tqdm\nfor step in tqdm(range(3), leave=False): pass",
        "",
    ),
    "a widget": (
        (
            "import ipywidgets\nfrom IPython.display import display\n"
            "bar = ipywidgets.IntProgress(max=3)\ndisplay(bar)\n"
            "for step in range(4): bar.value = step"
        ),
        r"IntProgress\(value=3, max=3\)",
    ),
    "two widgets, one of them closed": (
        (
            "import ipywidgets\nfrom IPython.display import display\n"
            "one, two = ipywidgets.IntText(1), ipywidgets.IntText(2)\ndisplay(one, two)\n"
            "one.close(); two.value = 3"
        ),
        r"\n?IntText\(value=3\)",
    ),
    "rich's progress": (
        "from rich.progress import track\nfor step in track(range(3)): pass",
        r"Working\.\.\. \S+ 100% \S+",
    ),
    "rich's live display": (
        (
            "from rich.live import Live\nwith Live('first', refresh_per_second=50) as live:\n"
            "    for step in range(5): live.update(f'step {step}', refresh=True)"
        ),
        "step 4",
    ),
}


@pytest.mark.parametrize(("code", "left"), PROGRESS.values(), ids=PROGRESS)
def test_what_replaces_itself_is_left_in_its_last_state(
    interpreter: CodeInterpreterSync, code: str, left: str
) -> None:
    execution = interpreter.codes.run(code)
    assert execution.error is None
    assert re.fullmatch(left, execution.text), execution.text


def test_displays_and_values_keep_their_mime_bundles(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "from IPython.display import HTML, display\n"
        "display(HTML('<b>shown</b>'))\nHTML('<i>last</i>')"
    )
    assert [r.mime.get("text/html") for r in execution.result] == ["<b>shown</b>", "<i>last</i>"]
    assert all("IPython" in (r.text or "") for r in execution.result)


def test_a_run_is_interrupted_by_its_id_and_the_context_lives_on(
    place: Place,
) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            context = await interpreter.codes.create_context(PYTHON)
            ids: list[str] = []
            going = asyncio.Event()

            def on_init(init: ExecutionInit) -> None:
                ids.append(init.id)

            def on_stdout(_: OutputMessage) -> None:
                going.set()

            run = asyncio.create_task(
                interpreter.codes.run(
                    "print('going')\nimport time\nkept = 1\ntime.sleep(60)",
                    context=context,
                    handlers=plain(on_init=on_init, on_stdout=on_stdout),
                )
            )
            await asyncio.wait_for(going.wait(), 30)
            await interpreter.codes.interrupt(ids[0])
            execution = await asyncio.wait_for(run, 30)
            assert execution.error is not None
            assert execution.error.name == "KeyboardInterrupt"
            assert (await interpreter.codes.run("kept", context=context)).result[0].text == "1"

    asyncio.run(main())


def test_a_context_with_somebody_elses_run_is_context_busy(place: Place) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            context = await interpreter.codes.create_context(PYTHON)
            going = asyncio.Event()

            def on_stdout(_: OutputMessage) -> None:
                going.set()

            first = asyncio.create_task(
                interpreter.codes.run(
                    "print('going')\nimport time\ntime.sleep(1.5)",
                    context=context,
                    handlers=plain(on_stdout=on_stdout),
                )
            )
            await asyncio.wait_for(going.wait(), 30)
            async with await CodeInterpreter.create(
                interpreter.sandbox, runtime="bundled"
            ) as somebody_else:
                with pytest.raises(ci.ContextBusyError):
                    await somebody_else.codes.run("1", context=context)
            assert (await first).error is None

    asyncio.run(main())


def test_a_dead_kernel_ends_its_run_and_the_next_gets_a_fresh_one(
    interpreter: CodeInterpreterSync,
) -> None:
    context = interpreter.codes.create_context(PYTHON)
    interpreter.codes.run("state = 1", context=context)
    execution = interpreter.codes.run(
        # ZeroMQ sends in a thread of its own, which os._exit does not wait for.
        "print('last words', flush=True)\nimport os, time\ntime.sleep(0.2)\nos._exit(7)",
        context=context,
    )
    assert execution.error is not None
    assert "7" in execution.error.value
    assert execution.logs.stdout[0].text == "last words\n"
    fresh = interpreter.codes.run("'state' in globals()", context=context)
    assert fresh.result[0].text == "False"


@pytest.mark.parametrize("language", LINES)
def test_a_hundred_thousand_lines_arrive_whole(
    interpreter: CodeInterpreterSync, language: str
) -> None:
    need_kernel(language)
    execution = interpreter.codes.run(LINES[language], language=language)
    assert execution.error is None, execution.error
    assert "".join(message.text for message in execution.logs.stdout) == HUNDRED_THOUSAND


def test_a_picture_arrives_as_it_was_made(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "import base64, IPython.display\n"
        f"IPython.display.display(IPython.display.Image(data=base64.b64decode({PNG!r})))"
    )
    assert execution.error is None, execution.error
    assert execution.result[0].png == base64.b64decode(PNG)


def test_a_hundred_megabytes_arrive_whole(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "line = 'x' * 999_999\nfor _ in range(100): print(line)\nprint('end')"
    )
    assert sum(len(message.text) for message in execution.logs.stdout) == 100_000_000 + 4
    assert execution.logs.stdout[-1].text.endswith("end\n")


def test_a_missing_version_is_an_error_at_its_languages_first_use_and_no_sooner(
    local_server: LocalServer,
) -> None:
    with SandboxSync.create(
        "any",
        connection_config=local_server.connection_config_sync,
        env={"PYTHON_VERSION": "3.2", "GO_VERSION": "1.0"},
    ) as sandbox:
        with CodeInterpreterSync.create(sandbox) as interpreter:
            for use in (
                lambda: interpreter.codes.create_context(PYTHON),
                lambda: interpreter.codes.run("1", language=PYTHON),
            ):
                with pytest.raises(ci.APIError, match=r"3\.2.*3\.\d+") as caught:
                    use()
                assert caught.value.status == 400
        sandbox.kill()


def test_asking_for_a_missing_go_does_not_stop_a_python_user(local_server: LocalServer) -> None:
    with SandboxSync.create(
        "any",
        connection_config=local_server.connection_config_sync,
        env={"GO_VERSION": "1.0", "GREETING": "hello"},
    ) as sandbox:
        with CodeInterpreterSync.create(sandbox) as interpreter:
            execution = interpreter.codes.run("import os\nos.environ['GREETING']")
            assert execution.result[0].text == "'hello'"
        sandbox.kill()


def test_a_language_that_is_not_installed_is_refused_at_once_and_the_remedy_is_named(
    tmp_path: Path,
) -> None:
    # Where no kernels are installed.
    with CodeInterpreterSync.local(env={"JUPYTER_DATA_DIR": str(tmp_path)}) as interpreter:
        for language in (SupportedLanguage.JAVASCRIPT, SupportedLanguage.GO):
            with pytest.raises(ci.APIError, match=r"kernels install|is installed") as caught:
                interpreter.codes.create_context(language)
            assert caught.value.status == 400
        assert interpreter.codes.run("1").ok


def test_a_wrong_key_is_told_at_create_and_a_wrong_token_at_connect(
    local_server: LocalServer,
) -> None:
    with pytest.raises(SandboxApiException) as refused:
        SandboxSync.create(
            "any",
            connection_config=ConnectionConfigSync(domain=local_server.address, api_key="wrong"),
        )
    assert refused.value.status_code == 401
    with SandboxSync.create(
        "any", connection_config=local_server.connection_config_sync
    ) as sandbox:
        endpoint = sandbox.get_endpoint(44772)
        with pytest.raises(ci.AuthenticationError):
            CodeInterpreterSync.connect(f"http://{endpoint.endpoint}")
        with CodeInterpreterSync.connect(
            f"http://{endpoint.endpoint}", headers=endpoint.headers
        ) as bare:
            assert bare.is_healthy()
            bare.check_ready()
            assert bare.codes.run("1 + 1").result[0].text == "2"
            for name in ("sandbox", "id", "files", "commands", "metrics"):
                with pytest.raises(ci.NoSandboxError):
                    getattr(bare, name)
        sandbox.kill()


def test_credentials_that_waiting_cannot_mend_are_not_waited_for(
    local_server: LocalServer,
) -> None:
    async def main() -> None:
        sandbox = await Sandbox.create("any", connection_config=local_server.connection_config)
        async with sandbox:
            endpoint = await sandbox.get_endpoint(44772)
            endpoint.headers["X-EXECD-ACCESS-TOKEN"] = "wrong"
            started = time.monotonic()
            with pytest.raises(ci.AuthenticationError):
                await CodeInterpreter.create(sandbox, ready_timeout=timedelta(seconds=20))
            assert time.monotonic() - started < 10
            await sandbox.kill()

    asyncio.run(main())


def test_a_killed_sandbox_is_not_ready_or_gone(local_server: LocalServer) -> None:
    with SandboxSync.create(
        "any", connection_config=local_server.connection_config_sync
    ) as sandbox:
        interpreter = CodeInterpreterSync.create(sandbox, skip_health_check=True)
        sandbox.kill()
        assert not interpreter.ping()
        assert not interpreter.is_healthy()
        with pytest.raises(ci.NotReadyError) as caught:
            interpreter.check_ready(timedelta(milliseconds=500), timedelta(milliseconds=100))
        assert isinstance(caught.value.__cause__, ci.TransportError)
        with pytest.raises(ci.TransportError):
            interpreter.codes.run("1")
        interpreter.close()


SLOW = "print('going', flush=True)\nimport time\ntime.sleep(60)"


def test_closing_during_a_run_ends_it_with_what_had_arrived(place: Place) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            going = asyncio.Event()

            def on_stdout(_: OutputMessage) -> None:
                going.set()

            run = asyncio.create_task(
                interpreter.codes.run(SLOW, handlers=plain(on_stdout=on_stdout))
            )
            await asyncio.wait_for(going.wait(), 30)
            await interpreter.aclose()
            with pytest.raises(ci.StreamTruncatedError) as caught:
                await asyncio.wait_for(run, 10)
            assert caught.value.execution is not None
            assert caught.value.execution.logs.stdout[0].text == "going\n"

    asyncio.run(main())


def test_a_cancelled_run_leaves_its_context_usable(place: Place) -> None:
    async def main() -> None:
        async with place.tasks() as interpreter:
            context = await interpreter.codes.create_context(PYTHON)
            going = asyncio.Event()

            def on_stdout(_: OutputMessage) -> None:
                going.set()

            run = asyncio.create_task(
                interpreter.codes.run(
                    "kept = 1\n" + SLOW, context=context, handlers=plain(on_stdout=on_stdout)
                )
            )
            await asyncio.wait_for(going.wait(), 30)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            # The server interrupts the code as soon as it sees that the client is gone.
            assert await asyncio.wait_for(kept(interpreter, context), 10) == "1"

    async def kept(interpreter: CodeInterpreter, context: ci.CodeContext) -> str | None:
        while True:
            with contextlib.suppress(ci.ContextBusyError):
                return (await interpreter.codes.run("kept", context=context)).result[0].text
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_closed_interpreter_says_so_and_leaves_the_sandbox_alone(
    local_server: LocalServer,
) -> None:
    async def main() -> None:
        sandbox = await Sandbox.create("any", connection_config=local_server.connection_config)
        async with sandbox:
            interpreter = await CodeInterpreter.create(sandbox)
            assert await interpreter.is_healthy()
            await interpreter.aclose()
            await interpreter.aclose()
            for use in (
                interpreter.ping(),
                interpreter.is_healthy(),
                interpreter.codes.run("1"),
                interpreter.codes.list_contexts(),
                interpreter.codes.interrupt("x"),
            ):
                with pytest.raises(ci.InterpreterClosedError):
                    await use
            assert await sandbox.is_healthy()
            await sandbox.kill()

    asyncio.run(main())


def test_the_wrong_kind_of_sandbox_is_refused(local_server: LocalServer) -> None:
    with pytest.raises(ci.InvalidArgumentError):
        CodeInterpreterSync.create(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with SandboxSync.create(
        "any", connection_config=local_server.connection_config_sync
    ) as sandbox:
        with pytest.raises(ci.InvalidArgumentError, match="CodeInterpreterSync"):
            asyncio.run(CodeInterpreter.create(sandbox))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        sandbox.kill()


def descendants() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_local_starts_everything_and_ends_everything() -> None:
    before = descendants()
    with CodeInterpreterSync.local(env={"ANSWER": "42"}) as interpreter:
        execution = interpreter.codes.run("import os\nint(os.environ['ANSWER'])")
        assert execution.result[0].text == "42"
        during = descendants() - before
        assert during
    assert not {pid for pid in during if psutil.pid_exists(pid)} - before

    async def main() -> None:
        async with CodeInterpreter.local() as interpreter:
            assert (await interpreter.codes.run("1 + 1")).result[0].text == "2"

    asyncio.run(main())


def test_what_the_block_raises_reaches_the_caller_and_everything_still_ends() -> None:
    before = descendants()
    during: set[int] = set()

    def fail() -> None:
        with CodeInterpreterSync.local():
            during.update(descendants() - before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert during
    assert not {pid for pid in during if psutil.pid_exists(pid)}


def test_a_kernel_that_dies_takes_the_variables_of_its_run_along(local_server: LocalServer) -> None:
    with (
        SandboxSync.create("any", connection_config=local_server.connection_config_sync) as sandbox,
        CodeInterpreterSync.create(sandbox) as interpreter,
    ):
        died = interpreter.codes.run("import os\nos.kill(os.getpid(), 9)", env={"CI_ONE": "1"})
        assert died.outcome is ci.Outcome.KERNEL_DIED
        shown = interpreter.codes.run("import os\nprint(os.environ.get('CI_ONE'))")
        assert shown.text == "None"
        # One that dies between two runs: the next one is told, with variables as without.
        pid = interpreter.codes.run("print(os.getpid())").text
        kill = f"kill -9 {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done"
        interpreter.codes.run(kill, language="bash", timeout=60).raise_for_error()
        told = interpreter.codes.run("1", env={"CI_ONE": "1"})
        assert [message.text[:18] for message in told.logs.stderr] == ["While nothing ran,"]
        sandbox.kill()
