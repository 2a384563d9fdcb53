"""What is refused, and how."""

import pytest
from execd_client.api.code_interpreting import run_code
from execd_client.models import CodeContext as WireContext
from execd_client.models import ErrorResponse, RunCodeRequest

import code_interpreter as ci
from code_interpreter import SupportedLanguage
from tests.conformance.client import Client, Target, connected

pytestmark = [pytest.mark.anyio, pytest.mark.kernels]

TOKEN = "x-execd-access-token"


async def test_empty_code_is_refused(client: Client) -> None:
    body = RunCodeRequest(code="", context=WireContext(language=SupportedLanguage.PYTHON))
    answer = await client.raw.call(run_code, body=body)
    assert isinstance(answer, ErrorResponse)
    assert answer.code
    assert answer.message


async def test_a_run_in_no_context_is_not_found(client: Client) -> None:
    nowhere = ci.CodeContext(id="no-such-context", language=SupportedLanguage.PYTHON)
    with pytest.raises(ci.ContextNotFoundError):
        await client.run("1", context=nowhere)


async def test_an_interrupt_of_nothing_is_refused(client: Client) -> None:
    with pytest.raises(ci.APIError) as caught:
        await client.codes.interrupt("no-such-run")
    assert caught.value.status in {404, 500}
    assert caught.value.code


async def test_a_wrong_token_is_refused(client: Client, target: Target) -> None:
    if TOKEN not in {name.lower() for name in target.headers}:
        pytest.skip(f"the server wants no {TOKEN}")
    others = {name: text for name, text in target.headers.items() if name.lower() != TOKEN}
    for headers in (others, {**others, TOKEN: "wrong"}):
        stranger = Target(target.url, headers)
        with pytest.raises(ci.AuthenticationError):
            async with connected(client.kind, stranger) as refused:
                await refused.codes.list_contexts()
