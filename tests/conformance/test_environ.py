"""Environment variables for a run and for a context are set, undone, and in no code."""

import asyncio
import logging
from uuid import uuid4

import pytest
from execd_client.api.command import run_command
from execd_client.models import RunCommandRequest

import code_interpreter as ci
from tests.conformance.client import Client, stdout
from tests.conformance.conftest import Kernels
from tests.conformance.languages import BASH, PYTHON, Language

pytestmark = [pytest.mark.anyio, pytest.mark.kernels]

VALUE = "one 'two' \"three\" $HOME `four` \\ ä€"
SHOWS = {
    "python": "import os\nprint([os.environ.get('CI_ONE', '-'), os.environ.get('CI_TWO', '-')])",
    "bash": "echo \"['${CI_ONE--}', '${CI_TWO--}']\"",
    "javascript": "console.log([process.env.CI_ONE ?? '-', process.env.CI_TWO ?? '-'])",
    "typescript": "console.log([process.env.CI_ONE ?? '-', process.env.CI_TWO ?? '-'])",
    "java": (
        'for (String name : new String[] {"CI_ONE", "CI_TWO"}) {\n'
        '    System.out.println(System.getenv().getOrDefault(name, "-"));\n}'
    ),
    "go": (
        '%%\nfor _, name := range []string{"CI_ONE", "CI_TWO"} {\n'
        "\tif value, found := os.LookupEnv(name); found {\n\t\tfmt.Println(value)\n"
        '\t} else {\n\t\tfmt.Println("-")\n\t}\n}'
    ),
}
CHILD = {
    "python": "import subprocess\nprint(subprocess.getoutput('echo \"$CI_ONE\"'))",
    "bash": "sh -c 'echo \"$CI_ONE\"'",
    "javascript": (
        "console.log(require('child_process').execSync('echo \"$CI_ONE\"').toString().trim())"
    ),
    "typescript": (
        "import * as children from 'child_process';\n"
        "console.log(children.execSync('echo \"$CI_ONE\"').toString().trim())"
    ),
    "java": (
        'System.out.print(new String(new ProcessBuilder("sh", "-c", "echo \\"$CI_ONE\\"")\n'
        "    .start().getInputStream().readAllBytes()));"
    ),
    "go": (
        '%%\nsaid, _ := exec.Command("sh", "-c", "echo \\"$CI_ONE\\"").Output()\n'
        "fmt.Print(string(said))"
    ),
}


def secret() -> str:
    return f"secret-{uuid4().hex}"


async def shown(client: Client, context: ci.CodeContext, **options: object) -> tuple[str, str]:
    """What a run of the context's language sees of the two variables."""
    execution = await client.run(SHOWS[context.language], context=context, **options)
    assert execution.error is None
    text = stdout(execution).strip()
    if context.language in {"java", "go"}:
        one, two = text.split("\n")
    else:
        one, two = (part.strip(" '") for part in text.strip("[]").split(","))
    return one, two


async def files_with(client: Client, text: str) -> list[str]:
    """Files of ours, on the server, that have a text in them."""
    command = f'grep -l {text} "${{TMPDIR:-/tmp}}"/.code-interpreter-* 2>/dev/null || true'
    events = await client.raw.items(run_command, body=RunCommandRequest(command=command))
    return [event.text for event in events if event.type_ == "stdout"]


async def test_a_run_has_variables_and_puts_back_what_was_there(
    client: Client, kernel: ci.CodeContext
) -> None:
    hidden = secret()
    before = await shown(client, kernel)
    assert before == ("-", "-")
    assert await shown(client, kernel, env={"CI_ONE": hidden}) == (hidden, "-")
    assert await shown(client, kernel) == before
    assert not await files_with(client, hidden)


async def test_programs_that_a_run_starts_have_its_variables(
    client: Client, kernel: ci.CodeContext
) -> None:
    env = {"CI_ONE": VALUE}
    execution = await client.run(CHILD[kernel.language], context=kernel, env=env)
    assert execution.error is None
    assert stdout(execution) == f"{VALUE}\n"


async def test_a_run_that_fails_puts_them_back_too(
    client: Client, kernel: ci.CodeContext, language: Language
) -> None:
    await client.run(language.fails, context=kernel, env={"CI_ONE": "1"})
    assert await shown(client, kernel) == ("-", "-")


@pytest.mark.slow
async def test_a_context_has_variables_for_as_long_as_it_lives(
    client: Client, kernels: Kernels, language: Language
) -> None:
    kernels(language)  # or skip
    hidden = secret()
    context = await client.codes.create_context(language.name, env={"CI_ONE": hidden})
    assert await shown(client, context) == (hidden, "-")
    assert await shown(client, context, env={"CI_ONE": "1", "CI_TWO": "2"}) == ("1", "2")
    assert await shown(client, context) == (hidden, "-")
    context = await client.codes.restart_context(context)
    assert await shown(client, context) == (hidden, "-")
    assert context.id is not None
    await client.codes.delete_context(context.id)
    assert not await files_with(client, hidden)


async def test_the_next_run_in_the_queue_does_not_see_them(
    client: Client, kernels: Kernels
) -> None:
    context = kernels(PYTHON)
    first, second = await asyncio.gather(
        client.run(
            "import os, time\ntime.sleep(0.5)\nprint(os.environ['CI_ONE'])",
            context=context,
            env={"CI_ONE": "1"},
        ),
        client.run("import os\nprint(os.environ.get('CI_ONE', '-'))", context=context),
    )
    assert (stdout(first), stdout(second)) == ("1\n", "-\n")


async def test_a_run_that_takes_too_long_puts_them_back(client: Client, kernels: Kernels) -> None:
    context = kernels(PYTHON)
    with pytest.raises(ci.ExecutionTimeoutError) as late:
        await client.codes.run(
            "import time\nwhile True: time.sleep(0.1)",
            context=context,
            env={"CI_ONE": "1"},
            timeout=1.5,
        )
    assert late.value.context_usable
    assert await shown(client, context) == ("-", "-")


async def test_a_stream_that_is_left_puts_them_back(client: Client, kernels: Kernels) -> None:
    context = kernels(BASH)
    events = await client.events('echo "$CI_ONE"', context=context, env={"CI_ONE": "1"})
    assert any(getattr(event, "text", None) == "1\n" for event in events)
    assert await shown(client, context) == ("-", "-")


async def test_values_are_in_no_history_no_state_and_no_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = secret()
    context = await client.codes.create_context("python")
    await client.run("pass", context=context, env={"CI_ONE": hidden})
    search = (
        "import gc, linecache\n"
        f"wanted = {hidden[:10]!r} + {hidden[10:]!r}\n"
        "shell = get_ipython()\n"
        "kept = repr([In, Out, linecache.cache, vars(shell.history_manager)])\n"
        "print(wanted in kept)\n"
        "print(any(wanted in text for found in gc.get_objects() if type(found) is dict\n"
        "          for text in list(found.values()) if type(text) is str and text != wanted))"
    )
    assert stdout(await client.run(search, context=context)) == "False\nFalse\n"
    assert context.id is not None
    await client.codes.delete_context(context.id)
    assert hidden not in caplog.text


async def test_what_cannot_be_set_is_an_error_and_nothing_runs(
    client: Client, kernels: Kernels
) -> None:
    kernels(BASH)
    hidden = secret()
    context = await client.codes.create_context("bash")
    assert context.id is not None
    await client.run("readonly CI_ONE=fixed", context=context)
    with pytest.raises(ci.CodeError):
        await client.run("touch /tmp/never", context=context, env={"CI_TWO": "2", "CI_ONE": hidden})
    assert await shown(client, context) == ("fixed", "-")
    assert not await files_with(client, hidden)
    await client.codes.delete_context(context.id)


async def test_what_other_threads_print_meanwhile_is_not_lost(client: Client) -> None:
    context = await client.codes.create_context("python")
    assert context.id is not None
    start = (
        "import threading, time\n"
        "def count():\n"
        "    for number in range(300):\n"
        "        print(number, flush=True)\n"
        "        time.sleep(0.001)\n"
        "counting = threading.Thread(target=count)\n"
        "counting.start()"
    )
    said = stdout(await client.run(start, context=context))
    for _ in range(5):
        await client.codes.variables(context)
        said += stdout(await client.run("time.sleep(0.01)", context=context, env={"CI_ONE": "1"}))
    said += stdout(await client.run("counting.join()", context=context))
    assert said.split() == [str(number) for number in range(300)]
    await client.codes.delete_context(context.id)
