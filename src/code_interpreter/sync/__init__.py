"""The blocking interpreter, at the reference SDK's import path."""

from code_interpreter._interpreter_sync import CodeInterpreterSync

__all__ = ["CodeInterpreterSync"]
