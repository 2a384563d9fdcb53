"""JavaScript and TypeScript, on real kernels."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execd.conftest import StartServer
from tests.execd.needs import need_kernel
from tests.execd.server import Server, wait_until

pytestmark = [pytest.mark.kernels, pytest.mark.slow]


# What a name that no cell has declared is.
MISSING = {"javascript": "ReferenceError", "typescript": "CompileError"}


@pytest.fixture(scope="module", params=["javascript", "typescript"])
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    need_kernel(name)
    return name


@pytest.fixture(scope="module")
def context(server: Server, language: str) -> Iterator[str]:
    """A context that the tests of this file share; nobody may leave it broken."""
    with server.context(language=language) as context_id:
        yield context_id


def text_of(server: Server, code: str, context: str) -> str:
    """The text of the only result of a good run."""
    outcome = server.run(code, context)
    assert outcome.ok, outcome.last
    (result,) = outcome.results
    assert "display" not in result
    text: str = result["results"]["text"]
    return text


def test_what_is_printed_is_stdout(server: Server, context: str) -> None:
    outcome = server.run("console.log('hello')", context)
    assert outcome.ok
    assert outcome.kinds == ["init", "execution_count", "stdout", "execution_complete"]
    assert outcome.text() == "hello\n"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("let sum = 40; sum + 2", "42"),
        ("'one\\ntwo %s'", "one\ntwo %s"),
        ("({a: [1, {b: 2}]})", "{ a: [ 1, { b: 2 } ] }"),
        ("await Promise.resolve(7)", "7"),
        ("await (async () => { await null; return 7 })()", "7"),
        ("const answer = await (await Promise.resolve({json: async () => 7})).json(); answer", "7"),
        ("let n = 0; for await (const i of [Promise.resolve(7)]) n += i; n", "7"),
        ("require('path').sep", "/"),
        ("import * as fs from 'fs'; fs.existsSync('/')", "true"),
        ("import { join } from 'path'; join('a', 'b')", "a/b"),
    ],
)
def test_the_last_expressions_value_is_a_result(
    server: Server, context: str, code: str, text: str
) -> None:
    assert text_of(server, code, context) == text


@pytest.mark.parametrize("code", ["undefined", "null", "let nothing = 1", "// nothing"])
def test_no_value_is_no_result(server: Server, context: str, code: str) -> None:
    assert server.run(code, context).kinds == ["init", "execution_count", "execution_complete"]


def test_types_are_typescripts(server: Server, context: str, language: str) -> None:
    outcome = server.run("const typed: number = 42; typed", context)
    if language == "typescript":
        assert outcome.results[0]["results"] == {"text": "42"}
    else:
        assert outcome.error["evalue"] == "Missing initializer in const declaration"


def test_state_lasts_and_runs_are_counted(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        server.run("let x = 1; function twice(n = 0) { return 2 * n }", fresh)
        server.run("throw 1", fresh)
        server.run("let let", fresh)
        outcome = server.run("x += 20; twice(x)", fresh)
        assert outcome.results[0]["results"]["text"] == "42"
        counts = [e["execution_count"] for e in outcome.events if e["type"] == "execution_count"]
        assert counts == [4]


def test_stdout_and_stderr_are_separate_and_in_order(server: Server, context: str) -> None:
    outcome = server.run("console.error('err'); console.log('out'); console.warn('w')", context)
    assert outcome.ok
    assert outcome.kinds[2:-1] == ["stderr", "stdout", "stderr"]
    assert (outcome.text(), outcome.text("stderr")) == ("out\n", "err\nw\n")


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("throw new TypeError('boom')", "TypeError", "boom"),
        ("class Mine extends Error {}; throw new Mine('own')", "Mine", "own"),
        ("await (async () => { await null; throw new RangeError('later') })()", "RangeError", ""),
        ("void Promise.reject(new Error('nobody caught it'))", "Error", "nobody caught it"),
        (
            "setTimeout(() => { throw new RangeError('called') }); await new Promise(() => {})",
            "RangeError",
            "called",
        ),
        ("eval('no_such_name')", "ReferenceError", "no_such_name is not defined"),
        ("JSON.parse('{')", "SyntaxError", "JSON"),
        ("require('fs').readFileSync('/nope')", "Error", "ENOENT"),
        ("require('no-such' + '-package')", "Error", "Cannot find module 'no-such-package'"),
        ("let let = 3 =", "SyntaxError", ""),
        ("throw {a: 1}", "Uncaught", "{ a: 1 }"),
        ("throw null", "Uncaught", "null"),
        ("throw new Proxy({}, {getPrototypeOf() { throw 1 }})", "Uncaught", "cannot be shown"),
        ("({[Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('odd') }})", "E", "odd"),
    ],
)
def test_an_error_ends_the_run_and_is_not_printed(
    server: Server, context: str, code: str, name: str, message: str
) -> None:
    outcome = server.run(code, context)
    assert outcome.error["ename"].startswith(name)
    assert message in outcome.error["evalue"]
    assert outcome.text("stderr") == ""
    assert not any("kernels/javascript" in line for line in outcome.error["traceback"])
    # At once: the kernel itself refuses for a moment.
    assert text_of(server, "6 * 7", context) == "42"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "let fine = 1\nlet word = 'a'\nword = fine",
            "3:1 - Type 'number' is not assignable to type 'string'.",
        ),
        ("no_such_name", "1:1 - Cannot find name 'no_such_name'."),
    ],
)
def test_what_the_compiler_of_typescript_refuses_has_not_run(
    server: Server, language: str, context: str, code: str, message: str
) -> None:
    if language == "javascript":
        pytest.skip("only what Node refuses is an error there")
    outcome = server.run(f"{code}; console.log('ran')", context)
    assert outcome.error == {"ename": "CompileError", "evalue": message, "traceback": [message]}
    assert outcome.text() == ""


def test_a_traceback_shows_the_line_and_the_users_frames(server: Server, context: str) -> None:
    code = "function outer() { inner() }\nfunction inner() { throw new Error('deep') }\nouter()"
    traceback = "\n".join(server.run(code, context).error["traceback"])
    assert "function inner() { throw new Error('deep')" in traceback
    assert "Error: deep" in traceback
    assert "at inner" in traceback
    assert "at outer" in traceback
    assert "node:vm" not in traceback
    assert "kernels/javascript" not in traceback


def test_what_an_error_carries_is_shown(server: Server, context: str) -> None:
    code = (
        "try { JSON.parse('null').x } catch (cause) "
        "{ throw Object.assign(new Error('o', { cause }), { n: 5 }) }"
    )
    traceback = "\n".join(server.run(code, context).error["traceback"])
    assert " {\n  n: 5,\n  [cause]: TypeError: Cannot read properties of null" in traceback
    assert "kernels/javascript" not in traceback


@pytest.mark.parametrize("lines", [1, 4])
def test_an_error_has_the_users_line(server: Server, language: str, lines: int) -> None:
    code = "\n" * lines + "function f() {}\nif (f.x?.y !== f) f.g.h();\n5"
    with server.context(language=language) as fresh:
        if language == "typescript":
            code = f"enum Moved {{ a, b }}\n{code}".replace("f()", "f(x?: any): any").replace(
                "f.", "(f as any)."
            )
            lines += 1
        traceback = server.run(code, fresh).error["traceback"]
        assert traceback[0].endswith(f":{lines + 2}")
        assert traceback[1].startswith("if (")


def test_fifty_runs_right_after_failed_ones_all_run(server: Server, context: str) -> None:
    for number in range(50):
        assert server.run(f"throw new Error('{number}')", context).error["evalue"] == str(number)
        assert text_of(server, f"{number} + 1", context) == str(number + 1)


def test_a_variable_is_one_and_the_same_in_all_cells(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        server.run("let n = 0, seen = 0, plain = 1; const fixed = 1; var list = [1]", fresh)
        server.run("let count = 0; const up = () => ++count; let read = 5, get = () => read", fresh)
        assert text_of(server, "up(); up(); count", fresh) == "2"
        server.run("count = 10; read = 6; plain += 1; list.push(2)", fresh)
        assert text_of(server, "[up(), count, get(), read, plain, list]", fresh) == (
            "[ 11, 11, 6, 6, 2, [ 1, 2 ] ]"
        )
        server.run(
            "function twice(x) { return 2 * x } function four(x) { return twice(twice(x)) }", fresh
        )
        assert text_of(
            server, "for (n of [1, 2, 3]) seen += twice(n); [n, seen, four(1)]", fresh
        ) == ("[ 3, 12, 4 ]")
        if language == "javascript":
            error = server.run("fixed = 2", fresh).error
            assert error["evalue"] == "Assignment to constant variable."
        assert text_of(server, "fixed", fresh) == "1"


def test_what_a_failed_cell_has_declared_stays(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        server.run("let done = 1; function f() { return 2 }; throw 1", fresh)
        assert text_of(server, "done + f()", fresh) == "3"


def package(folder: Path, name: str, code: str) -> None:
    (folder / "node_modules" / name).mkdir(parents=True)
    (folder / "node_modules" / name / "index.js").write_text(code)


def test_what_was_required_stays(server: Server, language: str, tmp_path: Path) -> None:
    package(tmp_path, "callable", "module.exports = () => 7")
    package(tmp_path, "named", "exports.six = 6")
    with server.context(language=language, cwd=str(tmp_path)) as fresh:
        server.run("const fs = require('fs'), seven = require('callable')", fresh)
        server.run("import * as all from 'named'; import callable from 'callable'", fresh)
        server.run("const { six, five: [, five] = [0, 5] } = require('named')", fresh)
        for _ in range(3):
            server.run("var between = 1", fresh)
            assert text_of(server, "typeof fs.readFileSync", fresh) == "function"
            assert text_of(server, "seven() * six", fresh) == "42"
            assert text_of(server, "[five, all.six, callable()]", fresh) == "[ 5, 6, 7 ]"


def test_a_package_can_be_installed_when_its_import_has_failed(
    server: Server, language: str, tmp_path: Path
) -> None:
    with server.context(language=language, cwd=str(tmp_path)) as fresh:
        code = "import { six } from 'late'; six"
        assert "'late'" in server.run(code, fresh).error["evalue"]
        package(tmp_path, "late", "exports.six = 6")
        assert text_of(server, code, fresh) == "6"
        time.sleep(1.5)  # for whoever watches folders
        assert text_of(server, "six * 7", fresh) == "42"


def test_what_node_loads_cells_load(start: StartServer, language: str, tmp_path: Path) -> None:
    package(tmp_path / "more", "common", "exports.six = 6; exports.main = require.main.filename")
    (tmp_path / "file.mjs").write_text("export let n = 1; export const up = () => ++n")
    (tmp_path / "data.json").write_text('{"seven": 7}')
    server = start(env={"NODE_PATH": str(tmp_path / "more" / "node_modules")})
    with server.context(language=language, cwd=str(tmp_path)) as fresh:
        for code, text in (
            ("import { six } from 'common'; six", "6"),
            ("(await import('common')).six + require('common').six", "12"),
            ("const { main } = require('common'); main.startsWith(__dirname)", "true"),
            ("const file = await import('./file.mjs'); file.up(); file.n", "2"),
            ("(await import('./data.json')).default.seven", "7"),
            ("import data from './data.json'; data.seven", "7"),
            ("[__dirname, require('path').dirname(__filename)]", f"[ '{tmp_path}', '{tmp_path}' ]"),
        ):
            assert text_of(server, code, fresh).replace("\n ", "").replace("'\n", "' ") == text
        # Installed while the kernel runs.
        folder = tmp_path / "node_modules" / "modern"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
        (folder / "index.js").write_text(
            "export const nine = 9; export default () => import.meta.url"
        )
        assert text_of(server, "import url, { nine } from 'modern'; nine", fresh) == "9"
        assert text_of(server, "url().endsWith('/modern/index.js')", fresh) == "true"


def test_a_module_of_ones_own_is_read_anew_when_it_has_changed(
    server: Server, tmp_path: Path, language: str
) -> None:
    file = tmp_path / f"own.{'js' if language == 'javascript' else 'ts'}"
    with server.context(language=language, cwd=str(tmp_path)) as fresh:
        file.write_text("export const value = 1")
        assert text_of(server, "import { value } from './own'; value", fresh) == "1"
        file.write_text("export const value = 42")

        def read() -> str:
            return text_of(server, "import { value } from './own'; value", fresh)

        wait_until(lambda: read() == "42")
        inner = tmp_path / "inner.js"
        inner.write_text("exports.value = 1")
        (tmp_path / "outer.js").write_text("exports.value = require('./inner').value")
        assert text_of(server, "require('./outer').value", fresh) == "1"
        inner.write_text("exports.value = 1234")
        assert text_of(server, "require('./outer').value", fresh) == "1234"


def test_an_error_between_the_runs_is_told_on_stderr(server: Server, context: str) -> None:
    server.run("setTimeout(() => { throw new Error('in between') }, 1000); 1", context)
    time.sleep(4)
    outcome = server.run("1", context)
    assert outcome.ok
    assert outcome.text("stderr").startswith("Uncaught")
    assert "Error: in between\n    at " in outcome.text("stderr")


def test_unicode_arrives_whole(server: Server, context: str) -> None:
    text = "é 漢字 🎉 \u0085\u2028\u2029 \x00 end"
    assert server.run(f"console.log({json.dumps(text)})", context).text() == text + "\n"
    assert text_of(server, json.dumps(text), context) == text


def test_a_character_may_be_written_in_two_pieces(server: Server, context: str) -> None:
    code = "for (const byte of Buffer.from('é漢🎉')) process.stdout.write(Buffer.from([byte]));"
    assert server.run(code, context).text() == "é漢🎉"


def test_a_write_calls_back(server: Server, context: str) -> None:
    outcome = server.run(
        "await new Promise(r => process.stdout.write('a', r));\n"
        "await new Promise(r => process.stdout.write('b', 'utf8', r));",
        context,
    )
    assert outcome.ok
    assert outcome.text() == "ab"


def test_a_line_of_a_megabyte_arrives_whole(server: Server, context: str) -> None:
    outcome = server.run("console.log('x'.repeat(1 << 20))", context)
    assert outcome.text() == "x" * (1 << 20) + "\n"


def test_a_hundred_thousand_lines_arrive_in_order(server: Server, context: str) -> None:
    outcome = server.run("for (let i = 0; i < 100_000; i++) console.log(i); 'end'", context)
    assert outcome.text().splitlines() == [str(number) for number in range(100_000)]
    assert outcome.results[0]["results"]["text"] == "end"
    assert outcome.ok


def test_output_of_a_busy_loop_is_seen_while_it_runs(server: Server, context: str) -> None:
    live = server.live("for (let i = 0; i < 2000; i++) console.log(i); while (true) {}", context)
    wait_until(lambda: any("1999" in e["text"] for e in live.events if e["type"] == "stdout"))
    server.interrupt(context)
    assert live.outcome(10).error["ename"] == "KeyboardInterrupt"


def test_html_is_displayed(server: Server, context: str) -> None:
    outcome = server.run("const lab = require('tslab'); lab.display.html('<b>x</b>'); 3", context)
    shown, value = outcome.results
    assert (shown["results"], shown["display"]) == ({"text/html": "<b>x</b>"}, True)
    assert value["results"] == {"text": "3"}


def test_a_display_is_updated(server: Server, context: str) -> None:
    code = "const shown = require('tslab').newDisplay(); shown.text('a'); shown.text('b');"
    first, second = server.run(code, context).results
    assert first["results"] == {"text": "a"}
    assert (second["update"], second["display_id"]) == (True, first["display_id"])


def test_an_interrupt_stops_a_busy_loop_and_keeps_the_state(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        server.run("let kept = 1", fresh)
        for _ in range(5):
            live = server.live("console.log('start'); while (true) { kept += 1 }", fresh)
            live.wait_for("stdout")
            server.interrupt(live.events[0]["text"])
            assert live.outcome(10).error["ename"] == "KeyboardInterrupt"
        assert text_of(server, "kept > 1", fresh) == "true"


def test_an_interrupt_at_any_moment_stops_a_busy_loop(server: Server, context: str) -> None:
    for number in range(10):
        live = server.live(f"const round{number} = 1; while (true) {{}}", context)
        wait_until(lambda: live.events)  # noqa: B023 - called here only
        time.sleep(number / 100)
        server.interrupt(context)
        assert live.outcome(10).error["ename"] == "KeyboardInterrupt"


def test_code_that_awaits_on_loses_its_kernel(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        code = "console.log('start'); while (true) await new Promise(r => setTimeout(r, 20))"
        live = server.live(f"let gone = 1; {code}", fresh)
        live.wait_for("stdout")
        server.interrupt(fresh)
        error = live.outcome(15).error
        assert error["ename"] == "KernelDied"
        assert "state of this context is lost" in error["evalue"]
        assert text_of(server, "typeof globalThis.gone", fresh) == "undefined"


@pytest.mark.parametrize(
    ("code", "how", "said"),
    [
        ("process.kill(process.pid, 'SIGTERM'); await new Promise(() => {})", "terminated", ""),
        # Nothing can be sent after this; and before, it takes a moment.
        ("await null; process.kill(process.pid, 'SIGKILL')", "signal: killed", ""),
    ],
)
def test_a_dead_kernel_ends_the_run_at_once(
    server: Server, language: str, code: str, how: str, said: str
) -> None:
    with server.context(language=language) as fresh:
        server.run("let kept = 1", fresh)
        outcome = server.run(f"console.log('last words'); {code}", fresh)
        assert outcome.text().startswith(said)
        assert outcome.error["ename"] == "KernelDied"
        assert how in outcome.error["evalue"]
        assert server.run("kept", fresh).error["ename"] == MISSING[language]
        assert text_of(server, "1 + 1", fresh) == "2"


@pytest.mark.parametrize(
    "code", ["try { process.exit(3) } finally { for (;;); }", "await null; process.exit(3)"]
)
def test_an_exit_ends_the_cell_and_keeps_the_state(
    server: Server, language: str, code: str
) -> None:
    with server.context(language=language) as fresh:
        server.run("let kept = 1", fresh)
        outcome = server.run(f"console.log('last words'); {code}", fresh)
        assert outcome.text() == "last words\n"
        assert outcome.error == {"ename": "ExitStatus", "evalue": "3", "traceback": []}
        assert server.run("kept = 2; process.exit(0)", fresh).ok
        assert text_of(server, "kept", fresh) == "2"


def test_output_of_child_processes_arrives_with_the_cell(server: Server, context: str) -> None:
    outcome = server.run(
        "console.log('a');"
        """require("child_process").execSync("echo b; echo e >&2", { stdio: "inherit" });"""
        "console.log('c');",
        context,
    )
    assert sorted(outcome.text().split()) == ["a", "b", "c"]
    assert outcome.text("stderr") == "e\n"
    for number in range(50):
        code = (
            f"""require("child_process").spawnSync("echo", ["{number}"], {{ stdio: "inherit" }})"""
        )
        assert server.run(f"{code}.status;", context).text() == f"{number}\n"


def test_much_output_of_a_child_process_arrives_whole(server: Server, context: str) -> None:
    outcome = server.run(
        "await new Promise((resolve) => require('child_process').spawn("
        "'seq', ['300000'], { stdio: 'inherit' }).on('close', resolve));",
        context,
    )
    assert outcome.text() == "".join(f"{number}\n" for number in range(1, 300_001))


def test_a_child_left_behind_prints_into_the_next_run(server: Server, context: str) -> None:
    spawn = "require('child_process').spawn"
    code = f"{spawn}('sh', ['-c', 'sleep 0.2; echo late'], {{ stdio: 'inherit' }}); 0"
    assert server.run(code, context).text() == ""
    time.sleep(1)
    assert server.run("console.log('next')", context).text() == "late\nnext\n"


def test_what_node_says_of_its_death_is_told(server: Server, language: str) -> None:
    with server.context(language=language) as fresh:
        # As node itself says that it has run out of memory.
        outcome = server.run("require('fs').writeSync(2, 'last words'); process.abort()", fresh)
        assert outcome.error["ename"] == "KernelDied"
        assert outcome.text("stderr").startswith("last words")


def test_contexts_share_nothing(server: Server, language: str) -> None:
    with server.context(language=language) as one, server.context(language=language) as other:
        server.run("let mine = 1; globalThis.ours = 1", one)
        assert server.run("mine", other).error["ename"] == MISSING[language]
        assert text_of(server, "'ours' in globalThis", other) == "false"


def test_a_context_starts_in_its_folder(server: Server, language: str, tmp_path: Path) -> None:
    (tmp_path / "mod.js").write_text("exports.seven = 7")
    with server.context(language=language, cwd=str(tmp_path)) as fresh:
        assert text_of(server, "process.cwd()", fresh) == str(tmp_path)
        assert text_of(server, "require('./mod').seven", fresh) == "7"


def test_deleting_a_context_ends_its_node(start: StartServer, language: str) -> None:
    server = start()
    with server.context(language=language) as fresh:
        server.run("1", fresh)
        assert any(process.name().startswith("node") for process in server.family())
    wait_until(lambda: not any(p.name().startswith("node") for p in server.family()))


def test_a_node_that_is_not_installed_is_an_error_that_lists_what_is(
    start: StartServer, language: str
) -> None:
    server = start(env={"NODE_VERSION": "4.2"})
    answer = server.client.post("/code/context", json={"language": language})
    assert answer.status_code == 400
    assert "Node 4.2 is not installed. Installed: " in answer.json()["message"]
