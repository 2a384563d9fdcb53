"""As with a cluster: a server, a sandbox in it, and an interpreter for its code."""

import asyncio

from opensandbox import Sandbox

from code_interpreter import CodeInterpreter, SupportedLanguage
from code_interpreter.local import LocalServer


async def main() -> None:
    async with LocalServer() as server:
        sandbox = await Sandbox.create(
            "opensandbox/code-interpreter:latest",
            connection_config=server.connection_config,
            entrypoint=["/opt/opensandbox/code-interpreter.sh"],
        )
        async with sandbox, await CodeInterpreter.create(sandbox) as interpreter:
            await sandbox.files.write_file("numbers.txt", "1\n2\n3\n")
            execution = await interpreter.codes.run(
                "sum(int(line) for line in open('numbers.txt'))", language=SupportedLanguage.PYTHON
            )
            print(execution.result[0].text)
            await sandbox.kill()


if __name__ == "__main__":
    asyncio.run(main())
