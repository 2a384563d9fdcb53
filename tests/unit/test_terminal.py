"""What a terminal is told: languages, pictures, exit statuses; no process."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter import Execution
from code_interpreter._output.builder import ExecutionBuilder
from code_interpreter._output.result import Result, from_bundle
from code_interpreter.events import Complete, Error, ErrorDetails, MimeBundle, Stderr, Stdout
from code_interpreter.terminal import pictures
from code_interpreter.terminal.screen import as_json, exit_status
from code_interpreter.terminal.sources import UsageError, source

PNG = base64.b64encode(b"\x89PNG" + b"x" * 5000).decode()


def ran(*events: Any) -> Execution:
    builder = ExecutionBuilder()
    for event in (*events, Complete(1, 1)):
        builder.take(event)
    return builder.finish()


def failed(name: str, value: str = "") -> Execution:
    return ran(Error(1, ErrorDetails(name, value, [f"{name}: {value}"])))


def shown(**bundle: str) -> Result:
    mime = {kind.replace("_", "/", 1).replace("_", "+"): value for kind, value in bundle.items()}
    return from_bundle(mime, 1, is_main_result=False, display_id=None)


@pytest.mark.parametrize(
    ("name", "data", "language"),
    [
        ("a.py", b"1", "python"),
        ("A.PY", b"1", "python"),
        ("dir.js/a.sh", b"1", "bash"),
        ("a.mjs", b"1", "javascript"),
        ("a.ts", b"1", "typescript"),
        ("A.java", b"1", "java"),
        ("a.go", b"1", "go"),
        ("tool", b"#!/bin/bash\n1", "bash"),
        ("tool", b"#!/bin/sh -e\n1", "bash"),
        ("tool", b"#! /usr/bin/env node\n1", "javascript"),
        ("tool", b"#!/usr/bin/env -S A=1 python3.12 -u\n1", "python"),
        (None, b"#!/usr/local/bin/python3\n1", "python"),
        ("a.txt", b"\xef\xbb\xbf#!/usr/bin/python\n1", "python"),
    ],
)
def test_a_language_is_told_by_ending_or_first_line(
    name: str | None, data: bytes, language: str
) -> None:
    found = source(data, name, None)
    assert (found.language, found.is_script) == (language, True)
    assert found.code == data.decode("utf-8-sig")


def test_a_language_that_is_named_counts_first_and_typed_code_is_python() -> None:
    assert source(b"1", "a.py", "js").language == "javascript"
    typed = source("#!/bin/bash", None, None)
    assert (typed.language, typed.is_script) == ("python", False)


@pytest.mark.parametrize(
    ("data", "name", "language", "says"),
    [
        (b"1", "a.rb", None, "ending of a.rb"),
        (b"1", None, None, "standard input"),
        (b"#!/usr/bin/ruby\n", "tool", None, "name it by -l"),
        (b"1", "a.py", "ruby", "name another one by -l"),
        (b"\xff", "a.py", None, "UTF-8"),
        (b" \n", "a.py", None, "no code"),
        ("", None, None, "no code"),
    ],
)
def test_what_cannot_be_run_says_what_to_type(
    data: bytes | str, name: str | None, language: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        source(data, name, language)


@given(st.binary(max_size=200), st.sampled_from(["a.py", "tool", None]))
def test_any_bytes_are_code_or_wrong_use(data: bytes, name: str | None) -> None:
    try:
        found = source(data, name, None)
    except UsageError:
        return
    assert found.code.encode() in data


@pytest.mark.parametrize(
    ("env", "how"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "WezTerm"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(env: dict[str, str], how: str | None) -> None:
    assert pictures.protocol(env) == how


def test_kitty_gets_a_picture_in_pieces() -> None:
    text = pictures.shown(shown(image_png=f"{PNG[:100]}\n{PNG[100:]}"), "kitty")
    assert text is not None
    pieces = text.removesuffix("\033\\\n").removeprefix("\033_G").split("\033\\\033_G")
    heads, data = zip(*(piece.split(";") for piece in pieces), strict=True)
    assert heads == ("a=T,f=100,m=1", "m=0")
    assert max(map(len, data)) <= 4096
    assert "".join(data) == PNG


def test_iterm_gets_a_picture_whole_and_what_cannot_be_shown_is_not() -> None:
    text = pictures.shown(shown(image_jpeg=PNG), "iterm")
    assert text is not None
    assert text.startswith("\033]1337;File=inline=1;size=")
    assert text.endswith(f":{PNG}\a\n")
    assert pictures.shown(shown(image_jpeg=PNG), "kitty") is None
    assert pictures.shown(shown(image_svg_xml="<svg/>"), "iterm") is None


def test_pictures_are_saved_each_by_its_type(tmp_path: Path) -> None:
    result = shown(image_png=PNG, image_svg_xml="<svg/>", text_plain="<Figure>")
    paths = pictures.save(result, tmp_path / "new", 3)
    assert [path.name for path in paths] == ["3.png", "3.svg"]
    assert paths[0].read_bytes() == base64.b64decode(PNG)
    assert paths[1].read_text() == "<svg/>"
    assert pictures.save(shown(text_plain="x"), tmp_path / "none", 1) == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("execution", "status"),
    [
        (ran(), 0),
        (failed("ValueError", "3"), 1),
        (failed("SystemExit", "3"), 3),
        (failed("SystemExit", ""), 0),
        (failed("SystemExit", "no"), 1),
        (failed("SystemExit", "256"), 0),
        (failed("ExitStatus", "4"), 4),
        (failed("ExitError", "exit status 6"), 6),
        (failed("KeyboardInterrupt"), 130),
        (failed("KernelDied", "7"), 1),
    ],
)
def test_the_status_tells_of_the_outcome(execution: Execution, status: int) -> None:
    assert exit_status(execution) == status


def test_a_run_is_json_in_order() -> None:
    execution = ran(
        Stdout(1, "a"),
        MimeBundle(1, {"text/plain": "1", "application/json": [1]}, True),
        Stderr(1, "b"),
        Error(1, ErrorDetails("E", "é", ["\033[31mE\033[0m: é"])),
    )
    assert json.loads(as_json(execution, "python", 1.23456)) == {
        "language": "python",
        "outcome": "error",
        "seconds": 1.235,
        "outputs": [
            {"type": "stdout", "text": "a"},
            {
                "type": "result",
                "mime": {"text/plain": "1", "application/json": [1]},
                "is_main_result": False,
            },
            {"type": "stderr", "text": "b"},
        ],
        "error": {"name": "E", "value": "é", "traceback": "E: é"},
    }
