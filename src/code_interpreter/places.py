"""Where the code of a client runs: on this machine, in a new sandbox of a cluster, in a given one.

What must stay true: what was started for a client ends with it. On a cluster, where no process of
ours sees to that, a sandbox has a lease, which is renewed for as long as this process lives.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

from opensandbox import Sandbox
from opensandbox.config import ConnectionConfig
from opensandbox.exceptions import SandboxApiException, SandboxException

from code_interpreter._async.interpreter import CodeInterpreter
from code_interpreter.local.mounts import Mount

DEFAULT_IMAGE: Final = "opensandbox/code-interpreter:latest"
_NOT_FOUND: Final = 404
_ENTRYPOINT: Final = "/opt/opensandbox/code-interpreter.sh"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where code is to run; on this machine by default.

    Attributes:
        domain: The server of a cluster. The key comes from `OPEN_SANDBOX_API_KEY`.
        sandbox_id: A sandbox that exists already, of that server, or of the one that
            `OPEN_SANDBOX_DOMAIN` names. It is left as it is in the end.
        image: What a new sandbox of a cluster is made of.
        runtime: What runs the code of a cluster; see `CodeInterpreter.create`.
        isolation: Of this machine; see `CodeInterpreter.local`.
        network: Of this machine; see `CodeInterpreter.local`.
        mounts: Of this machine; see `CodeInterpreter.local`.
        env: The environment of a new sandbox.
        lease: How long a new sandbox of a cluster lives without this process.
    """

    domain: str | None = None
    sandbox_id: str | None = None
    image: str = DEFAULT_IMAGE
    runtime: Literal["native", "bundled", "auto"] = "native"
    isolation: Literal["auto", "namespaces", "landlock", "none"] | None = None
    network: Literal["public", "none"] | None = None
    mounts: Mapping[str, Mount] | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    lease: timedelta = timedelta(minutes=10)

    @property
    def is_here(self) -> bool:
        """Whether code runs on this machine."""
        return self.domain is None and self.sandbox_id is None

    def open(self) -> AbstractAsyncContextManager[CodeInterpreter]:
        """Start or find a sandbox; leaving it ends what was started."""
        if self.is_here:
            return CodeInterpreter.local(
                self.env, isolation=self.isolation, network=self.network, mounts=self.mounts
            )
        config = ConnectionConfig(domain=self.domain)
        if self.sandbox_id is not None:
            return self._found(self.sandbox_id, config)
        return self._leased(config)

    @asynccontextmanager
    async def _found(
        self, sandbox_id: str, config: ConnectionConfig
    ) -> AsyncGenerator[CodeInterpreter]:
        sandbox = await Sandbox.connect(sandbox_id, connection_config=config)
        async with sandbox, await self._interpreter(sandbox) as interpreter:
            yield interpreter

    @asynccontextmanager
    async def _leased(self, config: ConnectionConfig) -> AsyncGenerator[CodeInterpreter]:
        sandbox = await Sandbox.create(
            self.image,
            connection_config=config,
            entrypoint=[_ENTRYPOINT] if self.runtime == "native" else None,
            env=dict(self.env),
            timeout=self.lease,
        )
        async with sandbox:
            renewal = asyncio.create_task(_renew(sandbox, self.lease))
            try:
                async with await self._interpreter(sandbox) as interpreter:
                    yield interpreter
            finally:
                renewal.cancel()
                await asyncio.wait({renewal})
                try:
                    await sandbox.kill()
                except SandboxApiException as error:
                    if error.status_code != _NOT_FOUND:  # it has ended by itself
                        raise

    async def _interpreter(self, sandbox: Sandbox) -> CodeInterpreter:
        return await CodeInterpreter.create(sandbox, runtime=self.runtime)


async def _renew(sandbox: Sandbox, lease: timedelta) -> None:
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        try:
            await sandbox.renew(lease)
        except SandboxException:
            _logger.warning("sandbox %s could not be renewed", sandbox.id, exc_info=True)
