"""The interpreter: a sandbox, the code that runs in it, readiness, and closing."""

import os
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from opensandbox import Sandbox, SandboxSync
from opensandbox.config import ConnectionConfig
from opensandbox.constants import DEFAULT_EXECD_PORT
from opensandbox.models.sandboxes import NetworkPolicy
from opensandbox.services import Commands, Filesystem, Metrics
from typing_extensions import Self

from code_interpreter._async import transfers
from code_interpreter._async.bundled import connect
from code_interpreter._async.codes import Codes
from code_interpreter._async.connection import Connection
from code_interpreter._async.installer import OnProgress, install
from code_interpreter._async.local import LocalSandbox, LocalStart
from code_interpreter._async.primitives import sleep, within
from code_interpreter._bundled.settings import NATIVE, Runtime, RuntimeChoice, chosen
from code_interpreter._call import readiness
from code_interpreter._call.code_context import CodeContext
from code_interpreter._call.installation import plan_install
from code_interpreter._call.plan import Seconds
from code_interpreter._call.transfer import OnTransfer
from code_interpreter._errors import CodeInterpreterError, InvalidArgumentError, NoSandboxError
from code_interpreter._run.watch import GRACE
from code_interpreter._wire.target import BareTarget

if TYPE_CHECKING:
    from code_interpreter.local.mounts import Mounts
    from code_interpreter.local.server import LocalServer


class CodeInterpreter:
    r"""Runs code in a sandbox.

    Use `create` for a sandbox, `connect` for a bare execd, or `local` for the embedded server on
    this machine. Closing it releases its connections; the sandbox is left alone, unless it comes
    from `local`.

    Example:
        >>> async with CodeInterpreter.local() as interpreter:
        ...     execution = await interpreter.codes.run("result = 2 + 2\nresult")
        ...     print(execution.result[0].text)
        4
    """

    def __init__(
        self,
        connection: Connection,
        sandbox: Sandbox | None = None,
        *,
        grace: float = GRACE,
        runtime: Runtime = NATIVE,
    ) -> None:
        self._connection = connection
        self._sandbox = sandbox
        self._runtime = runtime
        self._codes = Codes(connection, grace=grace)

    @classmethod
    async def create(
        cls,
        sandbox: Sandbox,
        *,
        ready_timeout: timedelta = readiness.TIMEOUT,
        health_check_polling_interval: timedelta = readiness.POLLING_INTERVAL,
        skip_health_check: bool = False,
        runtime: RuntimeChoice = "native",
    ) -> Self:
        """Return an interpreter for a sandbox.

        Args:
            sandbox: The sandbox; the caller kills and closes it.
            ready_timeout: How long to wait until code can run.
            health_check_polling_interval: How long to wait between two checks.
            skip_health_check: Return at once; the first call may then fail.
            runtime: What runs the code. ``"native"``: the daemon of the sandbox's image, which must
                be a code-interpreter image. ``"bundled"``: our own, in a sandbox of any image that
                has Python; it is found there, or set up. ``"auto"``: ours where it can be had, else
                the image's; `runtime` says which. Or a `BundledRuntime`, which says how ours is to
                be set up. docs/runtime.md tells all of it.

        Raises:
            InvalidArgumentError: No sandbox, one of the other kind, a negative duration, or no such
                runtime.
            RuntimeSetupError: Ours is wanted, and cannot be had.
            NotReadyError: Code could not run within `ready_timeout`.
            AuthenticationError: execd refuses the credentials that the endpoint came with.
        """
        if sandbox is None:  # pyright: ignore[reportUnnecessaryComparison]  # callers may be untyped
            raise InvalidArgumentError("a sandbox must be given")
        if isinstance(sandbox, SandboxSync):  # type: ignore[unreachable]  # callers may be untyped
            raise InvalidArgumentError("a SandboxSync goes with CodeInterpreterSync")
        # Refuse bad arguments before any I/O.
        readiness.ReadyWait(ready_timeout, health_check_polling_interval, now=0)
        settings = chosen(runtime)
        if settings is None:
            endpoint = await sandbox.get_endpoint(DEFAULT_EXECD_PORT)
            interpreter = cls(Connection(sandbox.connection_config, endpoint), sandbox)
        else:
            connection, found = await connect(sandbox, settings, or_native=runtime == "auto")
            interpreter = cls(connection, sandbox, runtime=found)
        if not skip_health_check:
            try:
                await interpreter.check_ready(ready_timeout, health_check_polling_interval)
            except BaseException:
                await interpreter.aclose()
                raise
        return interpreter

    @classmethod
    async def connect(
        cls,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta | None = None,
    ) -> Self:
        """Return an interpreter for an execd that is reached directly, without a sandbox.

        Args:
            base_url: Such as ``http://127.0.0.1:44772``; a path is kept.
            headers: Sent with every request; an execd's token goes into ``X-EXECD-ACCESS-TOKEN``.
            timeout: For each request but the runs themselves; 30 s by default.

        Raises:
            InvalidArgumentError: The URL or the timeout is not valid.
            AuthenticationError: The token is missing or wrong.
            TransportError: Nothing answers there.
        """
        target = BareTarget.parse(base_url, headers, timeout)
        config = ConnectionConfig(protocol=target.protocol, request_timeout=target.request_timeout)
        interpreter = cls(Connection(config, target.endpoint))
        try:
            await interpreter.codes.check_ping()
        except BaseException:
            await interpreter.aclose()
            raise
        return interpreter

    @classmethod
    def local(
        cls,
        env: Mapping[str, str] | None = None,
        *,
        isolation: Literal["auto", "namespaces", "landlock", "none"] | None = None,
        network: Literal["public", "none"] | NetworkPolicy | None = None,
        mounts: "Mounts | None" = None,
        resource: Mapping[str, str] | None = None,
    ) -> LocalStart[Self]:
        """Start an interpreter on this machine; closing it ends everything that it started.

        Use it as a block. Where its life is not a block, use
        ``await CodeInterpreter.local()``, and `aclose` what that returns.

        The code runs in a box, and where there can be none, it does not run. Needs the extra
        ``[local]``.

        Args:
            env: Environment variables of the sandbox. ``PYTHON_VERSION`` chooses among the
                installed Pythons. ``CODE_INTERPRETER_IDLE_KERNELS`` says how many idle Python
                kernels are kept for new contexts, at about 51 MB each; 1 by default, 0 for none.
            isolation: The box around the sandbox; docs/isolation.md says what code reaches in it.
                ``"namespaces"``: the code sees the programs that it needs, its own files and
                processes, and a network that leads to what is public. ``"landlock"``: a weaker one,
                where there are no namespaces. ``"auto"``: the strongest that this system has, never
                none. ``"none"``: the code runs as you, and may do anything that you may. By default
                what ``CODE_INTERPRETER_ISOLATION`` says, else ``"auto"``. Boxes need Linux.
            network: What the code may reach out of a box: ``"public"``, the default, all that is
                public and nothing that is private; ``"none"``; or rules.
            mounts: Folders of yours that the box has: by absolute path there, a folder, which is
                then read-only, or a ``code_interpreter.local.Mount``.
            resource: Limits, such as ``{"memory": "2Gi", "ephemeral-storage": "5Gi"}``; by default
                those of a box, or none. docs/local.md says how they are held.

        Raises:
            IsolationUnavailableError: This system cannot make such a box; the message says why,
                and what helps.
            ValueError: The network or a folder is not valid, or given without a box.
        """

        def server() -> "LocalServer":
            # An optional extra: imported only when it is needed.
            from code_interpreter.local import LocalServer  # noqa: PLC0415

            # The client always sends default limits, even when the caller has not asked for any.
            limits = bool(resource)
            return LocalServer(limits=limits, isolation=isolation, network=network, mounts=mounts)

        return LocalStart(server, cls._in_place, dict(env or {}), dict(resource or {}))

    @classmethod
    async def _in_place(cls, place: LocalSandbox) -> Self:
        interpreter = await cls.create(place.sandbox)
        place.go_with(interpreter._connection)  # noqa: SLF001  # of the same class
        return interpreter

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox around it.

        Raises:
            NoSandboxError: The interpreter comes from `connect`.
        """
        if self._sandbox is None:
            raise NoSandboxError("this interpreter talks to a bare execd: it has no sandbox")
        return self._sandbox

    @property
    def id(self) -> str:
        """The sandbox's id. Raises NoSandboxError like `sandbox`."""
        return self.sandbox.id

    @property
    def runtime(self) -> Runtime:
        """What runs the code, and why it is this one."""
        return self._runtime

    @property
    def codes(self) -> Codes:
        """Runs code and keeps contexts."""
        return self._codes

    @property
    def files(self) -> Filesystem:
        """The sandbox's files. Raises NoSandboxError like `sandbox`."""
        return self.sandbox.files

    @property
    def commands(self) -> Commands:
        """The sandbox's commands. Raises NoSandboxError like `sandbox`."""
        return self.sandbox.commands

    @property
    def metrics(self) -> Metrics:
        """The sandbox's use of CPU and memory. Raises NoSandboxError like `sandbox`."""
        return self.sandbox.metrics

    async def install(
        self,
        *packages: str,
        language: str | None = None,
        context: CodeContext | None = None,
        on_progress: OnProgress | None = None,
        timeout: Seconds | None = None,
    ) -> None:
        """Install packages for code to use. docs/agents.md says where they go.

        Python's are installed by uv if it is there, else by pip; those of JavaScript and TypeScript
        by npm, below the context's directory; Java's (``group:artifact:version``) and Go's modules
        by their kernels, for the one context. Bash has none.

        Args:
            packages: What the installer takes, such as ``"pandas>=2"``; no options.
            language: Install for this language, in its default context. The default is Python.
            context: Install in this context, for its language.
            on_progress: Called with each line that the installer says; a plain or async function.
            timeout: As that of `codes.run`.

        Raises:
            InvalidArgumentError: A package is not one; the language has none. Nothing was sent.
            InstallError: They could not be installed; has the last lines that were said.
        """
        plan = plan_install(packages, language, context)
        await install(self._codes, plan, context, on_progress, timeout)

    async def upload(
        self,
        local: str | os.PathLike[str],
        remote: str,
        *,
        on_progress: OnTransfer | None = None,
    ) -> None:
        """Send a file or a folder of this machine to the sandbox.

        Its permissions go with it, links are followed, and it is never in memory as a whole. Files
        are sent under other names, and put in place when all have arrived: until then, nothing that
        was there is changed. What a folder has besides stays. Servers move nothing onto a file, so
        one that is replaced goes aside first, and is absent for that moment.

        Args:
            local: The file or folder.
            remote: Where it is to be, by its own name, such as ``/workspace/data.csv``. Folders
                above are made where they are missing.
            on_progress: Called with a `TransferProgress` for each piece.

        Raises:
            InvalidArgumentError: There is nothing at `local`, or something that is no file.
            NoSandboxError: Like `sandbox`.
            SandboxException: The server refuses, or cannot be reached.
        """
        await transfers.upload(self.files, Path(local), remote, on_progress)

    async def download(
        self,
        remote: str,
        local: str | os.PathLike[str],
        *,
        on_progress: OnTransfer | None = None,
    ) -> None:
        """Fetch a file or a folder of the sandbox to this machine.

        Each file is written under another name, and put in place when it is whole. What a folder
        has besides stays.

        Args:
            remote: The file or folder.
            local: Where it is to be, by its own name. Folders above are made if they are missing.
            on_progress: Called with a `TransferProgress` for each piece.

        Raises:
            NoSandboxError: Like `sandbox`.
            SandboxException: It is not there, the server refuses, or cannot be reached.
            TransportError: The connection broke, or a file changed while it was fetched.
            OSError: It cannot be written.
        """
        await transfers.download(self.files, remote, Path(local), on_progress)

    async def ping(self) -> bool:
        """Return whether execd answers without an error."""
        return await self._codes.ping()

    async def is_healthy(self) -> bool:
        """Return whether code can run: execd and the kernels' server behind it answer."""
        self._connection.check_open()
        try:
            await self._codes.check_health()
        except CodeInterpreterError:
            return False
        return True

    async def check_ready(
        self,
        timeout: timedelta = readiness.TIMEOUT,
        polling_interval: timedelta = readiness.POLLING_INTERVAL,
    ) -> None:
        """Wait until code can run.

        Args:
            timeout: How long to wait at most.
            polling_interval: How long to wait between two checks.

        Raises:
            NotReadyError: The time is up; its cause is the last check's error.
            AuthenticationError: The credentials are wrong.
        """
        wait = readiness.ReadyWait(timeout, polling_interval, now=time.monotonic())
        while True:
            try:
                remaining = wait.remaining(time.monotonic())
                await within(remaining, self._codes.check_health)
            except CodeInterpreterError as error:
                await sleep(wait.pause(error, now=time.monotonic()))
            else:
                return

    async def aclose(self) -> None:
        """Release the connections. May be called again.

        The sandbox is left alone, unless it comes from `local`: that ends, with its server.
        """
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
