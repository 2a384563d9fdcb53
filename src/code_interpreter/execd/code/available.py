"""Which languages a sandbox has, and what is said of those that it has not."""

import asyncio
from collections.abc import Mapping

from code_interpreter.execd.host.programs import Programs
from code_interpreter.execd.refusals import invalid_body, not_supported
from code_interpreter.kernels.launch import KernelMissingError, Launch
from code_interpreter.kernels.providers import providers

_PATIENCE = 2.0


class Languages:
    """The languages of one sandbox.

    Args:
        env: The sandbox's environment, which names the wanted versions.
        programs: Takes the commands that come with them.
    """

    def __init__(self, env: Mapping[str, str], programs: Programs) -> None:
        self._env = env
        self._programs = programs
        self._finding: asyncio.Task[None] | None = None
        self._providers = {
            language: provider for provider in providers() for language in provider.languages
        }

    def name(self, given: str | None) -> str:
        """The name of a language that this server has.

        Raises:
            ApiError: It has none of that name, or no name was given.
        """
        name = (given or "").strip().lower()
        available = f"available: {', '.join(sorted(self._providers))}"
        if not name:
            raise invalid_body(f"the language is missing; {available}")
        if name not in self._providers:
            raise not_supported(f"this server does not have the language {name!r}; {available}")
        return name

    async def launch(self, name: str) -> Launch:
        """How to start a kernel of the language `name`, which `name()` has approved.

        Raises:
            ApiError: The version that the sandbox asks for is not installed.
        """
        try:
            launch = await self._find(name)
        except KernelMissingError as error:
            raise not_supported(str(error)) from error
        await self.find_programs()
        return launch

    async def find_programs(self) -> None:
        """Wait until the commands of all languages are those of the chosen versions.

        An environment that has to be made first is not waited for.
        """
        if self._finding is None:
            self._finding = asyncio.get_running_loop().create_task(self._find_programs())
        await asyncio.wait({self._finding}, timeout=_PATIENCE)

    async def _find_programs(self) -> None:
        # A language that is not here has no commands to name.
        await asyncio.gather(*map(self._find, self._providers), return_exceptions=True)

    async def _find(self, name: str) -> Launch:
        launch = await self._providers[name].find(name, self._env)
        await asyncio.to_thread(self._programs.add, launch.programs)
        return launch
