"""Which languages a sandbox has, and what is said of those that it has not."""

from collections.abc import Mapping

from code_interpreter.execd.refusals import invalid_body, not_supported
from code_interpreter.kernels.launch import KernelMissingError, Launch
from code_interpreter.kernels.providers import providers


class Languages:
    """The languages of one sandbox.

    Args:
        env: The sandbox's environment, which names the wanted versions.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
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
            return await self._providers[name].find(name, self._env)
        except KernelMissingError as error:
            raise not_supported(str(error)) from error
