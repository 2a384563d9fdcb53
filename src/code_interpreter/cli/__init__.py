"""The command `code-interpreter`."""

from code_interpreter.cli._main import main

__all__ = ["main"]
