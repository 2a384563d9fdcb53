"""Commands and shell sessions, through the generated client: the other layer has neither."""

import asyncio
from types import ModuleType
from typing import Any

import pytest
from execd_client.api.command import (
    create_session,
    delete_session,
    get_background_command_logs,
    get_command_status,
    interrupt_command,
    run_command,
    run_in_session,
)
from execd_client.models import (
    CommandStatusResponse,
    CreateSessionRequest,
    ErrorResponse,
    RunCommandRequest,
    RunCommandRequestEnvs,
    RunInSessionRequest,
    ServerStreamEvent,
)

from tests.conformance.client import LIMIT, Client
from tests.conformance.differences import allow, is_the_reference

pytestmark = pytest.mark.anyio


async def events(client: Client, operation: ModuleType, **arguments: Any) -> list[Any]:
    """The events of a command, pings left out; they begin with its name."""
    found = await client.raw.items(operation, limit=LIMIT, **arguments)
    assert all(isinstance(event, ServerStreamEvent) for event in found)
    told = [event for event in found if event.type_ != "ping"]
    assert told[0].type_ == "init"
    assert told[0].text
    return told


async def command(client: Client, text: str, **fields: Any) -> list[Any]:
    return await events(client, run_command, body=RunCommandRequest(command=text, **fields))


def lines(told: list[Any], kind: str = "stdout") -> list[str]:
    return [event.text for event in told if event.type_ == kind]


def kinds(told: list[Any]) -> set[str]:
    return {str(event.type_.value) for event in told}


async def ended(client: Client, command_id: str) -> CommandStatusResponse:
    while True:
        status = await client.raw.call(get_command_status, id=command_id)
        assert isinstance(status, CommandStatusResponse)
        assert status.id == command_id
        if not status.running:
            return status
        await asyncio.sleep(0.05)


async def test_a_command_says_line_by_line_what_it_prints(client: Client) -> None:
    told = await command(client, "echo one; echo two; echo err >&2; printf 'no newline'")
    assert lines(told) == ["one", "two", "no newline"]
    assert lines(told, "stderr") == ["err"]
    assert "execution_complete" in kinds(told)
    assert "error" not in kinds(told)


async def test_a_command_that_fails_is_an_error_with_its_status(client: Client) -> None:
    told = await command(client, "echo before; exit 3")
    assert lines(told) == ["before"]
    (error,) = [event.error for event in told if event.type_ == "error"]
    assert (error.ename, error.evalue) == ("CommandExecError", "3")


async def test_a_command_runs_where_and_with_what_it_is_told(client: Client) -> None:
    envs = RunCommandRequestEnvs.from_dict({"CONFORMANCE": "b c"})
    told = await command(client, 'pwd; echo "$CONFORMANCE"', cwd="/usr", envs=envs)
    assert lines(told) == ["/usr", "b c"]


async def test_a_command_past_its_timeout_is_stopped(client: Client) -> None:
    told = await command(client, "echo going; sleep 600; echo never", timeout=2000)
    assert lines(told) == ["going"]
    assert "error" in kinds(told)


async def test_a_command_in_the_background_is_followed(client: Client) -> None:
    told = await command(client, "echo on; echo off; exit 4", background=True)
    command_id = told[0].text
    status = await ended(client, command_id)
    assert status.exit_code == 4
    assert await client.raw.call(get_background_command_logs, id=command_id) == "on\noff\n"
    rest = await client.raw.call(get_background_command_logs, id=command_id, cursor=3)
    assert rest == "off\n"


async def test_a_command_in_the_background_is_stopped(client: Client) -> None:
    told = await command(client, "sleep 600", background=True)
    command_id = told[0].text
    assert await client.raw.call(interrupt_command, id=command_id) is None
    status = await ended(client, command_id)
    assert status.exit_code not in (0, None)


async def test_commands_that_there_are_not_are_refused(client: Client) -> None:
    for operation in (get_command_status, get_background_command_logs, interrupt_command):
        assert isinstance(await client.raw.call(operation, id="none"), ErrorResponse)


async def test_a_command_that_says_nothing_is_refused(client: Client) -> None:
    answer = await client.raw.call(run_command, body=RunCommandRequest())
    assert isinstance(answer, ErrorResponse)


async def test_a_session_keeps_its_state(client: Client) -> None:
    made = await client.raw.call(create_session, body=CreateSessionRequest(cwd="/usr"))
    session = {"session_id": made.session_id}

    async def says(text: str, **fields: Any) -> list[str]:
        body = RunInSessionRequest(command=text, **fields)
        told = await events(client, run_in_session, **session, body=body)
        assert "error" not in kinds(told)
        return lines(told)

    assert await says("pwd; cd /; export KEPT=1") == ["/usr"]
    assert await says('pwd; echo "$KEPT"') == ["/", "1"]
    assert await says("pwd", cwd="/usr") == ["/usr"]
    assert await client.raw.call(delete_session, **session) is None


async def test_a_sessions_failed_command_is_an_error_and_the_session_goes_on(
    client: Client,
) -> None:
    made = await client.raw.call(create_session)
    session = {"session_id": made.session_id}
    failing = (
        RunInSessionRequest(command="false"),
        RunInSessionRequest(command="sleep 600", timeout=500),
    )
    for body in failing:
        try:
            told = await events(client, run_in_session, **session, body=body)
        except TimeoutError:
            allow(await is_the_reference(client), "a failed command in a session has no end")
            raise
        assert "error" in kinds(told)
    body = RunInSessionRequest(command="echo on")
    assert lines(await events(client, run_in_session, **session, body=body)) == ["on"]
    await client.raw.call(delete_session, **session)


async def test_a_session_that_is_gone_is_refused(client: Client) -> None:
    made = await client.raw.call(create_session)
    session = {"session_id": made.session_id}
    await client.raw.call(delete_session, **session)
    assert isinstance(await client.raw.call(delete_session, **session), ErrorResponse)
    body = RunInSessionRequest(command="pwd")
    assert isinstance(await client.raw.call(run_in_session, **session, body=body), ErrorResponse)
