"""Every foreign failure has one error of ours, which is also the reference SDK's."""

import copy
import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import opensandbox.exceptions as reference
import pytest
from execd_client import errors as wire

import code_interpreter as ci
from code_interpreter._output.execution import Execution
from code_interpreter._run.run import Run
from code_interpreter._wire.failures import api_error, mapped_errors
from tests.unit.test_engine import PLAN

JSON = {"content-type": "application/json"}


def answer(status: int, body: bytes = b"", **headers: str) -> ci.APIError:
    return api_error(
        status, httpx.Headers({name.replace("_", "-"): v for name, v in headers.items()}), body
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ci.InvalidArgumentError, (reference.InvalidArgumentException, ValueError)),
        (ci.InterpreterClosedError, (reference.SandboxInternalException,)),
        (ci.NoSandboxError, (reference.SandboxInternalException,)),
        (ci.NotReadyError, (reference.SandboxReadyTimeoutException, TimeoutError)),
        (ci.APIError, (reference.SandboxApiException,)),
        (ci.AuthenticationError, (ci.APIError,)),
        (ci.ContextNotFoundError, (ci.APIError,)),
        (ci.ContextBusyError, (ci.APIError,)),
        (ci.RateLimitedError, (ci.APIError, reference.SandboxRateLimitException)),
        (ci.TransportError, (reference.SandboxConnectionException,)),
        (ci.RequestTimeoutError, (reference.SandboxTimeoutException, TimeoutError)),
        (ci.StreamTruncatedError, (ci.TransportError,)),
        (ci.ProtocolError, (reference.SandboxApiException,)),
    ],
)
def test_existing_except_clauses_hold(ours: type, theirs: tuple[type, ...]) -> None:
    assert issubclass(ours, ci.CodeInterpreterError)
    assert issubclass(ours, reference.SandboxException)
    assert all(issubclass(ours, one) for one in theirs)


def test_an_api_error_carries_what_is_needed_to_act() -> None:
    body = b'{"code":"RUNTIME_ERROR","message":"no such session"}'
    error = answer(500, body, x_request_id="r-7")
    assert (error.status, error.status_code) == (500, 500)
    assert (error.code, error.error.code) == ("RUNTIME_ERROR", "RUNTIME_ERROR")
    assert error.body == error.response_body == body
    assert error.request_id == "r-7"
    assert str(error) == "HTTP 500: no such session (request r-7)"
    assert error.execution is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error":"bad token"}', ci.AuthenticationError),
        (403, b"", ci.AuthenticationError),
        (404, b'{"code":"CONTEXT_NOT_FOUND","message":"x"}', ci.ContextNotFoundError),
        (404, b"404 page not found", ci.APIError),
        (429, b"", ci.RateLimitedError),
        (500, b'{"code":"RUNTIME_ERROR","message":"session is busy"}', ci.ContextBusyError),
        (500, b'{"code":"RUNTIME_ERROR","message":"context not found"}', ci.ContextNotFoundError),
        (500, b"[1]", ci.APIError),
        (502, b"<html>Bad Gateway</html>", ci.APIError),
    ],
)
def test_status_and_body_decide_the_type(status: int, body: bytes, kind: type[ci.APIError]) -> None:
    assert type(answer(status, body)) is kind


def test_a_gateways_page_is_shown_and_not_mistaken_for_an_answer_of_execd() -> None:
    error = answer(502, b"<html>Bad Gateway</html>", content_type="text/html")
    assert error.code is None
    assert "text/html" in str(error)
    assert "Bad Gateway" in str(error)
    assert error.is_retryable


def test_retry_after_is_seconds_or_a_date_or_unknown() -> None:
    def wait(value: str) -> timedelta | None:
        error = answer(429, b"", retry_after=value)
        assert isinstance(error, ci.RateLimitedError)
        return error.retry_after

    assert wait("7") == timedelta(seconds=7)
    soon = wait(format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60)))
    assert soon is not None
    assert timedelta(seconds=50) < soon <= timedelta(seconds=60)
    assert wait("Mon, 01 Jan 2001 00:00:00 -0000") == timedelta(0)
    assert wait("soon") is None
    assert wait("") is None


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        (httpx.ConnectError("refused"), ci.TransportError),
        (httpx.ConnectTimeout("slow"), ci.TransportError),
        (httpx.ReadError("reset"), ci.TransportError),
        (httpx.ReadTimeout("slow"), ci.RequestTimeoutError),
        (httpx.PoolTimeout(""), ci.RequestTimeoutError),
        (httpx.TooManyRedirects("round and round"), ci.ProtocolError),
        (wire.StreamTruncated("cut"), ci.StreamTruncatedError),
    ],
)
def test_foreign_errors_are_mapped_with_their_cause(
    foreign: Exception, ours: type[ci.CodeInterpreterError]
) -> None:
    execution = Execution(id="run")
    run = Run(PLAN, 0, execution=execution)
    with pytest.raises(ci.CodeInterpreterError) as caught, run.failures():
        raise foreign
    assert type(caught.value) is ours
    assert caught.value.__cause__ is foreign
    assert caught.value.execution is execution


def test_our_own_errors_pass_and_take_the_execution_along() -> None:
    execution = Execution(id="run")
    run = Run(PLAN, 0, execution=execution)
    ours = ci.StreamTruncatedError("cut")
    with pytest.raises(ci.StreamTruncatedError) as caught, run.failures():
        raise ours
    assert caught.value is ours
    assert ours.execution is execution


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), GeneratorExit()])
def test_what_is_nobodys_business_here_passes_unchanged(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, mapped_errors():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "error",
    [
        ci.InvalidArgumentError("no"),
        ci.InterpreterClosedError("closed"),
        ci.NoSandboxError("none"),
        ci.NotReadyError("slow"),
        answer(500, b'{"code":"RUNTIME_ERROR","message":"broken"}', x_request_id="r-7"),
        answer(401),
        answer(429, retry_after="7"),
        ci.ContextNotFoundError("gone", status=404),
        ci.ContextBusyError("busy", status=200, code="RUNTIME_ERROR"),
        ci.TransportError("nobody"),
        ci.RequestTimeoutError("slow"),
        ci.StreamTruncatedError("cut"),
        ci.StreamIdleError("silent"),
        ci.ProtocolError("HTML", status_code=200, response_body=b"<html>"),
        ci.ExecutionTimeoutError("slow", context_usable=False),
        ci.CodeError("ValueError", "bad", ["line"]),
        ci.CodeInterruptedError("KeyboardInterrupt", "", []),
        ci.KernelDiedError("KernelDied", "gone", []),
    ],
    ids=lambda error: type(error).__name__,
)
def test_copies_are_whole_so_workers_can_raise(error: ci.CodeInterpreterError) -> None:
    error.execution = ci.Execution(id="run-1")
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert (str(again), again.args) == (str(error), error.args)
        assert again.is_retryable == error.is_retryable
        theirs, ours = vars(again), vars(error)
        assert vars(theirs.pop("error")) == vars(ours["error"])
        assert theirs == {name: ours[name] for name in ours if name != "error"}
