"""The code service, at the reference SDK's import path."""

from code_interpreter._async.codes import Codes

__all__ = ["Codes"]
