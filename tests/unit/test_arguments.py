"""Arguments are judged before any I/O, and say what they mean on the wire."""

from datetime import timedelta
from typing import Any

import execd_client.models as wire
import pydantic
import pytest

from code_interpreter import CodeContext, InvalidArgumentError, NotReadyError, SupportedLanguage
from code_interpreter._call.code_context import (
    LANGUAGES,
    checked_id,
    checked_language,
    context_request,
    restart_request,
    run_request,
)
from code_interpreter._call.readiness import ReadyWait
from code_interpreter._errors import AuthenticationError
from code_interpreter._wire.failures import api_error
from code_interpreter._wire.target import BareTarget

SECOND = timedelta(seconds=1)


def test_the_languages_are_those_of_the_reference_sdk() -> None:
    assert LANGUAGES == ("bash", "go", "java", "javascript", "python", "typescript")
    assert SupportedLanguage.TYPESCRIPT == "typescript"


@pytest.mark.parametrize("bad", ["", "  ", "cobol", "c++", None, 3])
def test_an_unknown_language_is_refused_and_the_known_ones_named(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="typescript"):
        checked_language(bad)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("js", "javascript"),
        ("node", "javascript"),
        ("ts", "typescript"),
        ("py", "python"),
        ("Python3", "python"),
        ("sh", "bash"),
        ("shell", "bash"),
        (" GoLang ", "go"),
        ("JAVA", "java"),
    ],
)
def test_names_that_people_use_are_sent_as_the_protocols(name: str, language: str) -> None:
    assert checked_language(name) == language
    assert context_request(name, None).language == language
    body = {"code": "1", "context": {"language": language}}
    assert run_request("1", name, None).to_dict() == body
    assert run_request("1", None, CodeContext(language=name)).to_dict() == body
    context = CodeContext(id="c1", language=language)
    assert run_request("1", name, context).context == wire.CodeContext(language=language, id="c1")


def test_a_run_without_language_and_context_is_python() -> None:
    assert run_request("1", None, None).to_dict() == {
        "code": "1",
        "context": {"language": "python"},
    }


def test_a_run_names_its_context() -> None:
    context = CodeContext(id="c1", language="go")
    wanted = {"code": "1", "context": {"id": "c1", "language": "go"}}
    assert run_request("1", None, context).to_dict() == wanted
    assert run_request("1", "go", context).to_dict() == wanted


def test_a_contexts_id_decides_so_a_language_of_the_servers_own_is_let_through() -> None:
    run_request("1", None, CodeContext(id="c1", language="r"))
    run_request("1", "r", CodeContext(id="c1", language="r"))
    with pytest.raises(InvalidArgumentError):
        run_request("1", None, CodeContext(language="r"))


@pytest.mark.parametrize(
    ("code", "language", "context"),
    [
        ("", None, None),
        (" \n\t", None, None),
        (None, None, None),
        (b"1", None, None),
        ("1", "", None),
        ("1", "cobol", None),
        ("1", "java", CodeContext(id="c1", language="python")),
        ("1", None, "c1"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(code: Any, language: Any, context: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        run_request(code, language, context)


def test_a_context_is_asked_for_with_or_without_a_directory() -> None:
    assert context_request("bash", None).to_dict() == {"language": "bash"}
    assert context_request("bash", "/tmp/x").to_dict() == {"language": "bash", "cwd": "/tmp/x"}
    with pytest.raises(InvalidArgumentError):
        context_request("bash", " ")


def test_a_context_has_a_language() -> None:
    with pytest.raises(pydantic.ValidationError):
        CodeContext(language=" ")


@pytest.mark.parametrize("bad", ["", " ", None, 7])
def test_a_blank_id_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="context id"):
        checked_id("context", bad)


def test_a_base_url_keeps_its_path() -> None:
    target = BareTarget.parse("https://[::1]:8443/44772/", {"X": "y"}, None)
    assert target.protocol == "https"
    assert target.endpoint.endpoint == "[::1]:8443/44772"
    assert target.endpoint.headers == {"X": "y"}
    assert target.request_timeout == 30 * SECOND


@pytest.mark.parametrize(
    "bad",
    ["", "localhost:44772", "ftp://h", "http://", "http://h?x=1", "http://u:p@h", "http://h:x", 3],
)
def test_what_is_no_base_url_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        BareTarget.parse(bad, None, None)


def test_a_request_timeout_is_positive() -> None:
    with pytest.raises(InvalidArgumentError):
        BareTarget.parse("http://h", None, timedelta(0))


def test_waiting_for_readiness_pauses_and_gives_up_in_time() -> None:
    problem = NotReadyError("not yet")
    wait = ReadyWait(10 * SECOND, SECOND, now=100)
    assert wait.pause(problem, now=101) == 1
    assert wait.pause(problem, now=109.5) == 0.5
    assert wait.remaining(104) == 6
    with pytest.raises(NotReadyError, match=r"10 s .*not yet") as caught:
        wait.pause(problem, now=110)
    assert caught.value.__cause__ is problem


def test_waiting_does_not_mend_wrong_credentials() -> None:
    refusal = api_error(401, {}, b"")
    assert isinstance(refusal, AuthenticationError)
    with pytest.raises(AuthenticationError):
        ReadyWait(10 * SECOND, SECOND, now=0).pause(refusal, now=0)


def test_durations_are_not_negative() -> None:
    with pytest.raises(InvalidArgumentError, match="timeout"):
        ReadyWait(-SECOND, SECOND, now=0)
    with pytest.raises(InvalidArgumentError, match="polling interval"):
        ReadyWait(SECOND, -SECOND, now=0)


def test_what_has_no_id_cannot_be_started_anew() -> None:
    body = restart_request(CodeContext(id="c1", language="cobol", cwd="/a"))[1]
    assert body.to_dict() == {"language": "cobol", "cwd": "/a", "id": "c1"}
    for bad in (CodeContext(language="python"), "c1", None):
        with pytest.raises(InvalidArgumentError):
            restart_request(bad)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
