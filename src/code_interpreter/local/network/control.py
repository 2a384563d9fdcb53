"""What a server tells the relay of a sandbox, and gets from it."""

import asyncio
import json

from code_interpreter.local.network.policy import Policy

_PATIENCE = 10.0


class RelayError(Exception):
    """The relay does not do it: the message says why; or it is gone."""


async def set_policy(scratch: str, policy: Policy) -> None:
    """Let the proxy of a sandbox let out this, from now on.

    Args:
        scratch: The sandbox's own directory.
        policy: What.

    Raises:
        RelayError: It does not.
    """
    await _ask(scratch, f"policy {json.dumps(policy.as_json())}")


async def open_port(scratch: str, port: int, host: str) -> int:
    """A port of this machine that leads to one of a sandbox; the same each time.

    Args:
        scratch: The sandbox's own directory.
        port: Inside.
        host: The address that it is to be at.

    Raises:
        RelayError: There is none.
    """
    return int(await _ask(scratch, f"port {port} {host}"))


async def _ask(scratch: str, line: str) -> str:
    try:
        return await asyncio.wait_for(_answer(f"{scratch}/control", line), _PATIENCE)
    except (OSError, asyncio.TimeoutError) as error:
        raise RelayError(f"its relay does not answer: {error!r}") from error


async def _answer(path: str, line: str) -> str:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(f"{line}\n".encode())
        answer = (await reader.readline()).decode().strip()
    finally:
        writer.close()
    if not answer or answer.startswith("!"):
        raise RelayError(answer.removeprefix("! ") or "its relay is gone")
    return answer
