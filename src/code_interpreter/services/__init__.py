"""The code service, at the reference SDK's import path."""

from code_interpreter._codes import Codes

__all__ = ["Codes"]
