"""Output as it is printed: five numbers, half a second apart."""

import asyncio

from opensandbox.models.execd import ExecutionHandlers, OutputMessage

from code_interpreter import CodeInterpreter, SupportedLanguage

CODE = """
import time
for number in range(5):
    print(number)
    time.sleep(0.5)
"""


async def show(message: OutputMessage) -> None:
    print(message.timestamp, message.text, end="")


async def main() -> None:
    async with CodeInterpreter.local() as interpreter:
        await interpreter.codes.run(
            CODE, language=SupportedLanguage.PYTHON, handlers=ExecutionHandlers(on_stdout=show)
        )


if __name__ == "__main__":
    asyncio.run(main())
