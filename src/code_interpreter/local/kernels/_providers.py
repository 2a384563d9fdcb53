"""All kinds of kernels that the local runtime knows."""

from code_interpreter.local.kernels._bash import Bash
from code_interpreter.local.kernels._gonb import GoNB
from code_interpreter.local.kernels._jjava import JJava
from code_interpreter.local.kernels._launch import Provider
from code_interpreter.local.kernels._pythons import Pythons
from code_interpreter.local.kernels._tslab import Tslab


def providers() -> tuple[Provider, ...]:
    """One of each kind; each remembers what it has probed."""
    return (Pythons(), Bash(), Tslab(), JJava(), GoNB())
