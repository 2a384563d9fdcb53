"""The main job in a few lines: run Python in a sandbox on this machine, and print the results."""

import asyncio

from code_interpreter import CodeInterpreter


async def main() -> None:
    async with CodeInterpreter.local() as interpreter:
        execution = await interpreter.codes.run(
            "import sys\nprint('Hello from Python', sys.version.split()[0])\nresult = 2 + 2\nresult"
        )
        print(execution.logs.stdout[0].text, end="")
        print("2 + 2 =", execution.result[0].text)


if __name__ == "__main__":
    asyncio.run(main())
