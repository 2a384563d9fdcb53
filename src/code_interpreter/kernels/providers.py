"""All kinds of kernels that the local runtime knows."""

from code_interpreter.kernels.bash.shells import Bash
from code_interpreter.kernels.go.toolchains import GoNB
from code_interpreter.kernels.java.jdks import JJava
from code_interpreter.kernels.javascript.nodes import Nodes
from code_interpreter.kernels.launch import Provider
from code_interpreter.kernels.python.pythons import Pythons


def providers() -> tuple[Provider, ...]:
    """One of each kind; each remembers what it has probed."""
    return (Pythons(), Bash(), Nodes(), JJava(), GoNB())
