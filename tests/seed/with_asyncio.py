"""The seed's examples with asyncio: one program for both SDKs.

    python with_asyncio.py java python ...

runs those that are named, or all, each in a sandbox of its own. Nothing but what the reference SDK
has is imported or called; the address is that of the environment's variables.
"""

import asyncio
import sys
from uuid import uuid4

from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig
from opensandbox.models.execd import ExecutionHandlers, OutputMessage

from code_interpreter import CodeInterpreter, SupportedLanguage


async def java(interpreter: CodeInterpreter) -> None:
    context = await interpreter.codes.create_context(SupportedLanguage.JAVA)
    execution = await interpreter.codes.run(
        'System.out.println("Hello from Java!");\n'
        "int result = 2 + 2;\n"
        'System.out.println("2 + 2 = " + result);\n'
        "result",
        context=context,
    )
    printed = "".join(message.text for message in execution.logs.stdout)
    assert printed == "Hello from Java!\n2 + 2 = 4\n"
    assert execution.result[0].text == "4"
    assert execution.error is None


async def python(interpreter: CodeInterpreter) -> None:
    context = await interpreter.codes.create_context(SupportedLanguage.PYTHON)
    await interpreter.codes.run("users = ['Ada', 'Grace']\nprint(len(users))", context=context)
    execution = await interpreter.codes.run(
        "users.append('Barbara')\nprint(users)\nresult = len(users)\nresult", context=context
    )
    assert execution.logs.stdout[0].text == "['Ada', 'Grace', 'Barbara']\n"
    assert execution.result[0].text == "3"
    failed = await interpreter.codes.run("users[9]", context=context)
    assert failed.error is not None
    assert failed.error.name == "IndexError"


async def streaming(interpreter: CodeInterpreter) -> None:
    path = f"/tmp/seed-{uuid4().hex}"
    printed: list[str] = []

    async def on_stdout(message: OutputMessage) -> None:
        # The code waits for this: it would never end if output came at its end.
        if not printed:
            await interpreter.sandbox.files.write_file(path, "seen")
        printed.append(message.text)

    execution = await interpreter.codes.run(
        "import os, time\nprint('first', flush=True)\n"
        f"while not os.path.exists('{path}'):\n    time.sleep(0.02)\n"
        f"os.remove('{path}')\nprint('second')",
        language=SupportedLanguage.PYTHON,
        handlers=ExecutionHandlers(on_stdout=on_stdout),
    )
    assert execution.error is None
    assert "".join(printed) == "first\nsecond\n"


async def go(interpreter: CodeInterpreter) -> None:
    python_context = await interpreter.codes.create_context(SupportedLanguage.PYTHON)
    go_context = await interpreter.codes.create_context(SupportedLanguage.GO)
    in_python = await interpreter.codes.run("print('Running in Python')", context=python_context)
    in_go = await interpreter.codes.run(
        'package main\nfunc main() { println("Running in Go") }', context=go_context
    )
    assert in_python.logs.stdout[0].text == "Running in Python\n"
    # The function println of Go writes to standard error.
    assert "".join(message.text for message in in_go.logs.stderr) == "Running in Go\n"
    assert in_go.error is None


async def typescript(interpreter: CodeInterpreter) -> None:
    execution = await interpreter.codes.run(
        "interface User { name: string }\n"
        "const user: User = { name: 'Ada' };\n"
        "console.log(`Hello, ${user.name}`);\n"
        "const sum: number = [1, 2, 3].reduce((a, b) => a + b, 0);\nsum",
        language=SupportedLanguage.TYPESCRIPT,
    )
    assert execution.logs.stdout[0].text == "Hello, Ada\n"
    assert execution.result[0].text == "6"


async def javascript(interpreter: CodeInterpreter) -> None:
    execution = await interpreter.codes.run(
        "console.log('Hello from JavaScript');\n[1, 2, 3].map(n => n * n).length",
        language=SupportedLanguage.JAVASCRIPT,
    )
    assert execution.logs.stdout[0].text == "Hello from JavaScript\n"
    assert execution.result[0].text == "3"


async def bash(interpreter: CodeInterpreter) -> None:
    context = await interpreter.codes.create_context(SupportedLanguage.BASH)
    await interpreter.codes.run("name=Ada\ncd /usr", context=context)
    execution = await interpreter.codes.run('echo "Hello, $name, in $PWD"', context=context)
    assert execution.logs.stdout[0].text == "Hello, Ada, in /usr\n"
    failed = await interpreter.codes.run("ls /no/such/path", context=context)
    assert failed.error is not None


EXAMPLES = {
    "java": java,
    "python": python,
    "streaming": streaming,
    "go": go,
    "typescript": typescript,
    "javascript": javascript,
    "bash": bash,
}


async def play(name: str) -> None:
    """Run an example in a sandbox of its own."""
    sandbox = await Sandbox.create(
        "opensandbox/code-interpreter:latest",
        connection_config=ConnectionConfig(),
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
    )
    async with sandbox:
        interpreter = await CodeInterpreter.create(sandbox=sandbox)
        await EXAMPLES[name](interpreter)
        await sandbox.kill()


async def main(names: list[str]) -> None:
    for name in names:
        await play(name)
        print(name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(EXAMPLES)))
