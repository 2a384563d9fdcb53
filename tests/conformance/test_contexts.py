"""Contexts: made, listed, found, kept apart, deleted."""

import pytest
from execd_client.api.code_interpreting import create_code_context
from execd_client.models import CodeContextRequest, ErrorResponse

import code_interpreter as ci
from code_interpreter import SupportedLanguage
from tests.conformance.client import Client, stdout
from tests.conformance.differences import allow, is_the_references

pytestmark = [pytest.mark.anyio, pytest.mark.kernels]

PYTHON = SupportedLanguage.PYTHON


async def ids(client: Client, language: str | None = None) -> set[str | None]:
    return {context.id for context in await client.codes.list_contexts(language)}


async def test_a_context_is_made_listed_found_and_deleted(client: Client) -> None:
    context = await client.codes.create_context(PYTHON)
    assert context.id
    assert context.language == PYTHON
    assert await client.codes.get_context(context.id) == context
    assert context.id in await ids(client)
    assert context.id in await ids(client, PYTHON)
    assert context.id not in await ids(client, SupportedLanguage.BASH)
    await client.codes.delete_context(context.id)
    assert context.id not in await ids(client)


async def test_a_context_that_is_gone_is_not_found(client: Client) -> None:
    context = await client.codes.create_context(PYTHON)
    assert context.id is not None
    await client.codes.delete_context(context.id)
    with pytest.raises(ci.ContextNotFoundError):
        await client.codes.get_context(context.id)
    with pytest.raises(ci.ContextNotFoundError):
        await client.codes.delete_context(context.id)
    with pytest.raises(ci.ContextNotFoundError):
        await client.run("1", context=context)


async def test_contexts_of_one_language_keep_their_state_apart(client: Client) -> None:
    one = await client.codes.create_context(PYTHON)
    other = await client.codes.create_context(PYTHON)
    assert one.id != other.id
    await client.run("mine = 1", context=one)
    absent = await client.run("print('mine' in globals())", context=other)
    assert stdout(absent) == "False\n"
    for context in (one, other):
        assert context.id is not None
        await client.codes.delete_context(context.id)


async def test_a_languages_default_context_keeps_its_state(client: Client) -> None:
    await client.run("in_default = 5", language=PYTHON)
    assert stdout(await client.run("print(in_default)", language=PYTHON)) == "5\n"


async def test_a_language_is_forgotten_with_all_its_contexts(client: Client) -> None:
    context = await client.codes.create_context(PYTHON)
    await client.run("forgotten = 1", language=PYTHON)
    await client.codes.delete_contexts(PYTHON)
    assert await client.codes.list_contexts(PYTHON) == []
    with pytest.raises(ci.ContextNotFoundError):
        await client.run("1", context=context)
    fresh = await client.run("print('forgotten' in globals())", language=PYTHON)
    assert stdout(fresh) == "False\n"


async def test_a_context_starts_where_it_was_told(client: Client, folder: str) -> None:
    context = await client.codes.create_context(PYTHON, cwd=f"{folder}/made")
    assert context.id is not None
    assert context.cwd == f"{folder}/made"
    execution = await client.run("import os\nprint(os.getcwd())", context=context)
    await client.codes.delete_context(context.id)
    is_there = stdout(execution).endswith(f"{folder}/made\n")
    allow(
        is_the_references(execution, context) and not is_there,
        "its Jupyter decides where a context starts",
    )
    assert is_there


async def test_a_context_that_makes_no_sense_is_refused(client: Client) -> None:
    answer = await client.raw.call(
        create_code_context, body=CodeContextRequest.from_dict({"language": 5})
    )
    assert isinstance(answer, ErrorResponse)


async def test_a_context_is_started_anew(client: Client, folder: str) -> None:
    old = await client.codes.create_context(PYTHON, cwd=folder)
    await client.run("kept = 1", context=old)
    new = await client.codes.restart_context(old)
    assert new.id
    assert (new.language, new.cwd) == (PYTHON, folder)
    execution = await client.run("print('kept' in globals())", context=new)
    assert stdout(execution) == "False\n"
    known = await ids(client)
    assert new.id in known
    assert (old.id in known) == (old.id == new.id)
    await client.codes.delete_context(new.id)


async def test_a_context_that_is_gone_is_not_started_anew(client: Client) -> None:
    context = await client.codes.create_context(PYTHON)
    assert context.id is not None
    await client.codes.delete_context(context.id)
    before = await ids(client)
    with pytest.raises(ci.ContextNotFoundError):
        await client.codes.restart_context(context)
    assert await ids(client) == before
