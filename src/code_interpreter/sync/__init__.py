"""The blocking interpreter, at the reference SDK's import path."""

from code_interpreter._sync.interpreter import CodeInterpreterSync

__all__ = ["CodeInterpreterSync"]
