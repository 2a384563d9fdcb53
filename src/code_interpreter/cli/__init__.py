"""The command `code-interpreter`."""

from code_interpreter.cli.parser import main

__all__ = ["main"]
