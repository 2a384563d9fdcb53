"""Every language: output, values, state, errors, interrupts."""

import asyncio

import pytest
from execd_client.api.filesystem import get_files_info
from execd_client.models import GetFilesInfoResponse200

import code_interpreter as ci
from code_interpreter import CodeContext, Outcome
from tests.conformance.client import Client, shown, stdout
from tests.conformance.conftest import Kernels
from tests.conformance.differences import (
    allow,
    is_the_references,
    loses_line_ends_of_unicode,
    loses_lines,
    says_nothing_of_a_compile_error,
)
from tests.conformance.languages import (
    BASH,
    JAVA,
    LANGUAGES,
    MARK,
    PYTHON,
    UNICODE,
    Language,
)

pytestmark = [pytest.mark.anyio, pytest.mark.kernels, pytest.mark.slow]

OTHERS = [language for language in LANGUAGES if language is not PYTHON]
WITH_VALUES = [language for language in LANGUAGES if language.value is not None]


async def go_on(client: Client, language: Language, kernel: CodeContext) -> None:
    """See that the next run in the context is a run like any other."""
    # Servers in front of tslab leave a run open for ever when it comes within 0.2 s of an error.
    await asyncio.sleep(0.5)
    execution = await client.run(language.hello, context=kernel)
    assert (stdout(execution), execution.outcome) == ("hello\n", Outcome.OK)


async def test_what_is_printed_arrives(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.hello, context=kernel)
    assert (stdout(execution), execution.outcome) == ("hello\n", Outcome.OK)
    assert execution.error is None


@pytest.mark.parametrize("language", WITH_VALUES, ids=lambda language: language.name)
async def test_the_last_expressions_value_arrives(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    assert language.value is not None
    execution = await client.run(language.value, context=kernel)
    # Some kernels print it and others send it as a result: `text` is the same for both.
    assert (execution.text, execution.outcome) == ("42", Outcome.OK)


@pytest.mark.parametrize("language", [PYTHON, JAVA], ids=lambda language: language.name)
async def test_the_last_expressions_value_is_the_result(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    assert language.value is not None
    execution = await client.run(language.value, context=kernel)
    assert execution.main_result is not None
    assert execution.main_result.text == "42"
    assert stdout(execution) == ""


async def test_a_context_keeps_its_state(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    assert (await client.run(language.keep, context=kernel)).outcome is Outcome.OK
    assert stdout(await client.run(language.kept, context=kernel)) == "7\n"


async def test_both_streams_arrive(client: Client, language: Language, kernel: CodeContext) -> None:
    execution = await client.run(language.both, context=kernel)
    # bash_kernel has one stream for both.
    assert "out\n" in stdout(execution)
    assert "err\n" in shown(execution)


async def test_a_failure_says_what_failed(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.fails, context=kernel)
    # An `error` event, or what the language's own program prints when it fails.
    assert "boom" in shown(execution)
    await go_on(client, language, kernel)


@pytest.mark.parametrize("language", [PYTHON, BASH, JAVA], ids=lambda language: language.name)
async def test_a_failure_is_an_error(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.fails, context=kernel)
    assert execution.outcome is Outcome.ERROR
    assert execution.error is not None


async def test_code_that_is_no_program_is_refused_in_words(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.rejected, context=kernel)
    allow(
        is_the_references(execution, kernel)
        and says_nothing_of_a_compile_error(language, shown(execution)),
        "a compile error of Go has no words",
    )
    assert shown(execution).strip()
    await go_on(client, language, kernel)


async def test_every_character_arrives(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.unicode, context=kernel)
    allow(
        is_the_references(execution, kernel)
        and stdout(execution) != f"{UNICODE}\n"
        and loses_line_ends_of_unicode(language, execution),
        "Bash breaks lines at U+0085 and U+2028",
    )
    assert stdout(execution) == f"{UNICODE}\n"


async def test_lines_arrive_whole_and_in_order(
    client: Client, language: Language, kernel: CodeContext
) -> None:
    execution = await client.run(language.many, context=kernel)
    expected = [str(number) for number in range(200)]
    allow(
        is_the_references(execution, kernel) and loses_lines(language, execution, expected),
        "lines are lost at 200 a run",
    )
    assert stdout(execution) == "".join(f"{line}\n" for line in expected)


async def test_code_is_stopped_while_it_runs(
    client: Client, language: Language, kernel: CodeContext, folder: str
) -> None:
    running = client.start(language.waits.replace(MARK, folder), context=kernel)
    await running.begins()
    while not isinstance(
        await client.raw.call(get_files_info, path=[folder]), GetFilesInfoResponse200
    ):
        assert running.going
        await asyncio.sleep(0.05)
    await client.codes.interrupt(running.id)
    try:
        execution = await running.ends()
    except ci.ExecutionTimeoutError:
        allow(language is JAVA and running.id == kernel.id, "Java runs on after an interrupt")
        raise
    assert "never" not in stdout(execution)
    await go_on(client, language, kernel)


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.name)
async def test_a_language_runs_beside_python(
    client: Client, language: Language, kernel: CodeContext, kernels: Kernels
) -> None:
    python = kernels(PYTHON)
    listed = {context.id: context.language for context in await client.codes.list_contexts()}
    assert (listed[kernel.id], listed[python.id]) == (language.name, "python")
    both = await asyncio.gather(
        client.run(language.hello, context=kernel), client.run("print('python')", context=python)
    )
    assert [stdout(execution) for execution in both] == ["hello\n", "python\n"]
