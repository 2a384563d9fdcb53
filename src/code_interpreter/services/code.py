"""The code service, at the reference SDK's import path."""

from code_interpreter._async.codes import Codes
from code_interpreter._call.code_context import CodeContext

__all__ = ["CodeContext", "Codes"]
