"""All kinds of kernels that the local runtime knows."""

import asyncio
from collections.abc import Mapping, Sequence

from code_interpreter.kernels.bash.shells import Bash
from code_interpreter.kernels.go.toolchains import GoNB
from code_interpreter.kernels.java.jdks import JJava
from code_interpreter.kernels.javascript.nodes import Nodes
from code_interpreter.kernels.launch import Installed, Provider
from code_interpreter.kernels.python.pythons import Pythons


def providers() -> tuple[Provider, ...]:
    """One of each kind; each remembers what it has probed."""
    return (Pythons(), Bash(), Nodes(), JJava(), GoNB())


async def installed(found: Sequence[Provider], env: Mapping[str, str]) -> list[Installed]:
    """Every kernel that could be started in an environment."""
    answers = await asyncio.gather(*(provider.installed(env) for provider in found))
    return [kernel for answer in answers for kernel in answer]
