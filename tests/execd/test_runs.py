"""Runs in real kernels."""

import hashlib
import itertools
import json
import socket
import time
from pathlib import Path

import psutil
import pytest

from tests.execd.server import TOKEN, Server, decode, wait_until

pytestmark = pytest.mark.kernels


def test_a_run_speaks_in_order_and_the_verdict_is_last(server: Server, context: str) -> None:
    server.run("0", context)
    outcome = server.run("print('hi')\n41 + 1", context)
    assert outcome.kinds == ["init", "execution_count", "stdout", "result", "execution_complete"]
    assert outcome.text() == "hi\n"
    assert outcome.results[0]["results"] == {"text": "42"}
    assert outcome.last["execution_time"] >= 0
    assert all(abs(event["timestamp"] - time.time() * 1000) < 60_000 for event in outcome.events)


def test_each_run_has_an_id_of_its_own(server: Server, context: str) -> None:
    ids = {server.run("1", context).run_id for _ in range(3)}
    assert len(ids) == 3
    assert context not in ids


def test_the_answers_headers_keep_proxies_from_buffering(server: Server, context: str) -> None:
    answer = server.client.post("/code", json={"code": "1", "context": {"id": context}})
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"


def test_an_error_is_last_and_nothing_completes(server: Server, context: str) -> None:
    outcome = server.run("print('before')\n1/0", context)
    assert outcome.kinds == ["init", "execution_count", "stdout", "error"]
    assert outcome.error["ename"] == "ZeroDivisionError"
    assert outcome.error["evalue"] == "division by zero"
    assert "\x1b[" in outcome.error["traceback"][0]  # coloured, as real servers have it
    assert server.run("1", context).ok


def test_a_syntax_error_is_an_error(server: Server, context: str) -> None:
    assert server.run("def f(:\n  pass", context).error["ename"] == "SyntaxError"


def test_state_lasts_from_run_to_run(server: Server, context: str) -> None:
    server.run("kept = 7", context)
    assert server.run("kept", context).results[0]["results"]["text"] == "7"


def test_streams_are_told_apart(server: Server, context: str) -> None:
    outcome = server.run("import sys\nprint('o')\nprint('e', file=sys.stderr)", context)
    assert (outcome.text("stdout"), outcome.text("stderr")) == ("o\n", "e\n")


def test_output_of_child_processes_arrives_with_the_cell(server: Server, context: str) -> None:
    server.run("import os, subprocess", context)
    for number in range(50):
        outcome = server.run(f"_ = subprocess.run(['echo', 'child {number}'])", context)
        assert outcome.text() == f"child {number}\n"
    assert server.run("_ = os.system('echo err >&2')", context).text("stderr") == "err\n"


def test_text_that_utf8_cannot_hold_is_not_lost(server: Server, context: str) -> None:
    """Halves of surrogate pairs. ipykernel loses the message that has one, and all text in it."""
    code = r"""
print("before")
print("a\ud800b \ud83d\ude00")
print("name with a raw byte: \udcff")
display({"text/plain": "c\ud800"}, raw=True)
raise ValueError("d\ud800")
"""
    outcome = server.run(code, context)
    assert outcome.text() == "before\na\ufffdb \N{GRINNING FACE}\nname with a raw byte: \ufffd\n"
    assert outcome.results[0]["results"] == {"text": "c\ufffd"}
    assert outcome.error["ename"] == "ValueError"
    assert outcome.error["evalue"] == "d\ufffd"
    assert outcome.text("stderr") == ""


def test_characters_of_child_processes_are_whole(server: Server, context: str) -> None:
    code = (
        "import subprocess, sys\n"
        """_ = subprocess.run([sys.executable, "-c", "print('a\xe9\U0001f600' * 5000)"])"""
    )
    assert server.run(code, context).text() == "a\xe9\U0001f600" * 5000 + "\n"


def test_a_child_that_prints_for_ever_does_not_hold_the_cell(server: Server) -> None:
    with server.context() as fresh:
        code = "import subprocess\nchild = subprocess.Popen(['yes'])\nprint('here')"
        assert server.live(code, fresh).outcome(20).ok


def test_every_character_arrives(server: Server, context: str) -> None:
    text = "é 日本 😀 [\x85] [\u2028] [\u2029] [\x0c] [\x0b] [\x00] [\x1e]"
    assert server.run(f"print({text!r})", context).text() == text + "\n"


def test_displayed_things_come_as_results_that_say_so(server: Server, context: str) -> None:
    outcome = server.run(
        "from IPython.display import HTML, display\n"
        "handle = display(HTML('<i>1</i>'), display_id='mine')\n"
        "handle.update(HTML('<i>2</i>'))\n"
        "display(HTML('<b>'))\n"
        "'end'",
        context,
    )
    results = [{k: v for k, v in r.items() if k != "timestamp"} for r in outcome.results]
    html = "<IPython.core.display.HTML object>"
    first, update, plain, last = results
    assert first["display"] is True
    assert first["display_id"] == update["display_id"] == "mine"
    assert first["results"] == {"text": html, "text/html": "<i>1</i>"}
    assert update["update"] is True
    assert update["results"]["text/html"] == "<i>2</i>"
    assert "display_id" not in plain
    assert last == {"type": "result", "results": {"text": "'end'"}}


def test_mime_bundles_keep_their_types(server: Server, context: str) -> None:
    bundle = {"text/plain": "M", "application/json": {"a": [1, None]}, "text/latex": "$x$"}
    outcome = server.run(
        f"class M:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        f"        return {bundle!r}\nM()",
        context,
    )
    text = bundle.pop("text/plain")
    assert outcome.results[0]["results"] == {"text": text, **bundle}


def test_images_are_base64(server: Server, context: str) -> None:
    outcome = server.run(
        "from IPython.display import Image\nImage(b'\\x89PNG\\r\\n\\x1a\\n', format='png')", context
    )
    assert outcome.results[0]["results"]["image/png"].strip() == "iVBORw0KGgo="


def test_help_is_shown(server: Server, context: str) -> None:
    outcome = server.run("len?", context)
    assert outcome.results[0]["display"] is True
    assert "Return the number of items" in outcome.results[0]["results"]["text"]


def test_input_is_refused(server: Server, context: str) -> None:
    assert server.run("input('name? ')", context).error["ename"] == "StdinNotImplementedError"


def test_nothing_is_written_to_a_history(server: Server, context: str) -> None:
    outcome = server.run("get_ipython().history_manager.enabled", context)
    assert outcome.results[0]["results"]["text"] == "False"


def test_the_kernel_says_nothing_on_stderr(server: Server) -> None:
    with server.context() as fresh:
        assert server.run("1", fresh).text("stderr") == ""


@pytest.mark.parametrize("wait", [False, True])
def test_clear_output_is_an_event_and_takes_nothing_back(
    server: Server, context: str, *, wait: bool
) -> None:
    outcome = server.run(
        "from IPython.display import clear_output\n"
        f"print('a'); clear_output(wait={wait}); print('b')",
        context,
    )
    assert outcome.text() == "a\nb\n"
    kinds = ["init", "execution_count", "stdout", "clear_output", "stdout", "execution_complete"]
    assert outcome.kinds == kinds
    assert outcome.events[3]["wait"] is wait


def test_output_arrives_while_the_code_runs(server: Server, context: str) -> None:
    live = server.live(
        "import time\nfor i in range(5):\n    print(i)\n    time.sleep(0.5)", context
    )
    outcome = live.outcome()
    assert outcome.text() == "0\n1\n2\n3\n4\n"
    at = [when for when, e in zip(live.at, live.events, strict=True) if e["type"] == "stdout"]
    assert len(at) == 5
    assert all(later - earlier > 0.1 for earlier, later in itertools.pairwise(at))


def test_pings_come_while_nothing_else_does(server: Server, context: str) -> None:
    live = server.live("import time; time.sleep(3.5)", context)
    assert live.wait_for("ping")["text"] == "pong"
    assert live.outcome().ok


def test_late_output_of_a_thread_belongs_to_the_cell_that_runs_by_then(
    server: Server, context: str
) -> None:
    first = server.run(
        "import threading, time\n"
        "def late():\n    time.sleep(0.3)\n    print('late')\n"
        "threading.Thread(target=late).start()\nprint('now')",
        context,
    )
    assert first.text() == "now\n"
    assert server.run("time.sleep(0.8)", context).text() == "late\n"


def test_output_between_runs_waits_for_the_next(server: Server, context: str) -> None:
    server.run("import threading\nthreading.Timer(0.1, lambda: print('between')).start()", context)
    time.sleep(1)
    assert server.run("print('next')", context).text() == "between\nnext\n"


def test_a_hundred_thousand_lines_are_whole(server: Server, context: str) -> None:
    outcome = server.run("for i in range(100_000): print(i)", context)
    assert outcome.text() == "".join(f"{i}\n" for i in range(100_000))


def test_flushed_lines_are_whole(server: Server, context: str) -> None:
    # Each is a message of its own: enough of them to overflow any queue with a limit.
    outcome = server.run("for i in range(30_000): print(i, flush=True)", context)
    assert outcome.text() == "".join(f"{i}\n" for i in range(30_000))


def test_a_hundred_megabytes_are_whole(server: Server, context: str) -> None:
    outcome = server.run("for i in range(100): print(chr(97 + i % 26) * 999_999)", context)
    text = outcome.text()
    assert outcome.ok
    assert len(text) == 100_000_000
    expected = hashlib.sha256()
    for i in range(100):
        expected.update((chr(97 + i % 26) * 999_999 + "\n").encode())
    assert hashlib.sha256(text.encode()).digest() == expected.digest()


def test_a_slow_reader_loses_nothing_and_costs_no_memory(server: Server, context: str) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    line = "x" * 999_999 + "\n"
    body = {
        "code": "for i in range(200): print('x' * 999_999)\nopen('done', 'w').close()",
        "context": {"id": context},
    }
    with server.client.stream("POST", "/code", json=body) as answer:
        chunks = answer.iter_bytes(1 << 16)
        seen = next(chunks)
        done = server.workdir / "done"
        wait_until(done.exists)  # the code does not wait for its reader
        # What is on its way takes some times its size; once all is in, 64 MB, the rest is on disk.
        wait_until(lambda: most_memory(process, 0.5) - before < 100e6)
        seen += b"".join(chunks)
    done.unlink()
    outcome = decode(seen)
    text = "".join(event["text"] for event in outcome if event["type"] == "stdout")
    assert outcome[-1]["type"] == "execution_complete"
    assert text == line * 200


def most_memory(process: psutil.Process, seconds: float) -> int:
    """The most that it has within some time."""
    seen: list[int] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append(process.memory_info().rss)
        time.sleep(0.01)
    return max(seen)


def test_the_body_ends_in_the_write_of_the_last_event(server: Server, context: str) -> None:
    server.run("1", context)
    body = json.dumps({"code": "1", "context": {"id": context}}).encode()
    reads = raw_reads(server, b"POST /code", body)
    last = reads[-1]
    assert b'"execution_complete"' in last
    assert last.endswith(b"\n\n\r\n0\r\n\r\n")


def raw_reads(server: Server, request: bytes, body: bytes) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            request
            + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nx-execd-access-token: "
            + TOKEN.encode()
            + b"\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )
        reads: list[bytes] = []
        while not (reads and reads[-1].endswith(b"0\r\n\r\n")):
            reads.append(connection.recv(1 << 20))
            assert reads[-1]
        return reads


RECORDINGS = Path(__file__).parents[1] / "recordings" / "streams"


@pytest.mark.parametrize(
    "name",
    [
        "big_line",
        "clear_output",
        "display_html",
        "error",
        "hello",
        "input",
        "many_lines",
        "multi_mime",
        "no_newline",
        "no_output",
        "progress_bar",
        "result_only",
        "stderr",
        "stream5",
        "syntax_error",
        "system_echo",
        "two_results",
        "unicode",
    ],
)
def test_recorded_requests_are_answered_as_the_real_server_did(server: Server, name: str) -> None:
    recording = json.loads((RECORDINGS / f"python-{name}.json").read_text())
    expected = recording["expected"]
    with server.context() as fresh:
        outcome = server.run(recording["request"]["json"]["code"], fresh)
    for kind in ("stdout", "stderr"):
        text = outcome.text(kind)
        if kind == "stderr" and name == "stderr":
            # The recorded server lost it: 2 runs in 100 do.
            assert (text, expected[kind]) == ("err\n", "")
        elif isinstance(expected[kind], str):
            assert text == expected[kind]
        else:
            assert len(text) == expected[kind]["length"]
            assert hashlib.sha256(text.encode()).hexdigest() == expected[kind]["sha256"]
    # Displayed things do not leave the real server at all; with 'all', it loses all but the last.
    results = [r["results"] for r in outcome.results if "display" not in r]
    if name == "two_results":
        assert results[-1:] == expected["results"]
    else:
        assert results == expected["results"]
    if expected["error"] is None:
        assert outcome.ok
    else:
        assert outcome.error["ename"] == expected["error"]["ename"]
