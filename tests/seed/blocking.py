"""The seed's examples without asyncio: one program for both SDKs.

    python blocking.py java python ...

runs those that are named, or all, each in a sandbox of its own. Nothing but what the reference SDK
has is imported or called; the address is that of the environment's variables.
"""

import sys
from uuid import uuid4

from opensandbox import SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.models.execd import OutputMessage
from opensandbox.models.execd_sync import ExecutionHandlersSync

from code_interpreter import CodeInterpreterSync, SupportedLanguage


def java(interpreter: CodeInterpreterSync) -> None:
    context = interpreter.codes.create_context(SupportedLanguage.JAVA)
    execution = interpreter.codes.run(
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


def python(interpreter: CodeInterpreterSync) -> None:
    context = interpreter.codes.create_context(SupportedLanguage.PYTHON)
    interpreter.codes.run("users = ['Ada', 'Grace']\nprint(len(users))", context=context)
    execution = interpreter.codes.run(
        "users.append('Barbara')\nprint(users)\nresult = len(users)\nresult", context=context
    )
    assert execution.logs.stdout[0].text == "['Ada', 'Grace', 'Barbara']\n"
    assert execution.result[0].text == "3"
    failed = interpreter.codes.run("users[9]", context=context)
    assert failed.error is not None
    assert failed.error.name == "IndexError"


def streaming(interpreter: CodeInterpreterSync) -> None:
    path = f"/tmp/seed-{uuid4().hex}"
    printed: list[str] = []

    def on_stdout(message: OutputMessage) -> None:
        # The code waits for this: it would never end if output came at its end.
        if not printed:
            interpreter.sandbox.files.write_file(path, "seen")
        printed.append(message.text)

    execution = interpreter.codes.run(
        "import os, time\nprint('first', flush=True)\n"
        f"while not os.path.exists('{path}'):\n    time.sleep(0.02)\n"
        f"os.remove('{path}')\nprint('second')",
        language=SupportedLanguage.PYTHON,
        handlers=ExecutionHandlersSync(on_stdout=on_stdout),
    )
    assert execution.error is None
    assert "".join(printed) == "first\nsecond\n"


def go(interpreter: CodeInterpreterSync) -> None:
    python_context = interpreter.codes.create_context(SupportedLanguage.PYTHON)
    go_context = interpreter.codes.create_context(SupportedLanguage.GO)
    in_python = interpreter.codes.run("print('Running in Python')", context=python_context)
    in_go = interpreter.codes.run(
        'package main\nfunc main() { println("Running in Go") }', context=go_context
    )
    assert in_python.logs.stdout[0].text == "Running in Python\n"
    # The function println of Go writes to standard error.
    assert "".join(message.text for message in in_go.logs.stderr) == "Running in Go\n"
    assert in_go.error is None


def typescript(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "interface User { name: string }\n"
        "const user: User = { name: 'Ada' };\n"
        "console.log(`Hello, ${user.name}`);\n"
        "const sum: number = [1, 2, 3].reduce((a, b) => a + b, 0);\nsum",
        language=SupportedLanguage.TYPESCRIPT,
    )
    assert execution.logs.stdout[0].text == "Hello, Ada\n"
    assert execution.result[0].text == "6"


def javascript(interpreter: CodeInterpreterSync) -> None:
    execution = interpreter.codes.run(
        "console.log('Hello from JavaScript');\n[1, 2, 3].map(n => n * n).length",
        language=SupportedLanguage.JAVASCRIPT,
    )
    assert execution.logs.stdout[0].text == "Hello from JavaScript\n"
    assert execution.result[0].text == "3"


def bash(interpreter: CodeInterpreterSync) -> None:
    context = interpreter.codes.create_context(SupportedLanguage.BASH)
    interpreter.codes.run("name=Ada\ncd /usr", context=context)
    execution = interpreter.codes.run('echo "Hello, $name, in $PWD"', context=context)
    assert execution.logs.stdout[0].text == "Hello, Ada, in /usr\n"
    failed = interpreter.codes.run("ls /no/such/path", context=context)
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


def play(name: str) -> None:
    """Run an example in a sandbox of its own."""
    sandbox = SandboxSync.create(
        "opensandbox/code-interpreter:latest",
        connection_config=ConnectionConfigSync(),
        entrypoint=["/opt/opensandbox/code-interpreter.sh"],
    )
    with sandbox:
        interpreter = CodeInterpreterSync.create(sandbox=sandbox)
        EXAMPLES[name](interpreter)
        sandbox.kill()


def main(names: list[str]) -> None:
    for name in names:
        play(name)
        print(name)


if __name__ == "__main__":
    main(sys.argv[1:] or list(EXAMPLES))
