"""Run code in Python, Bash, JavaScript, TypeScript, Java and Go in isolated sandboxes.

`CodeInterpreter` is for asyncio, `CodeInterpreterSync` for everything else.
"""

from importlib.metadata import version as _version

from code_interpreter._codes import Codes
from code_interpreter._codes_sync import CodesSync
from code_interpreter._contexts import CodeContext
from code_interpreter._errors import (
    APIError,
    AuthenticationError,
    CodeInterpreterError,
    ContextBusyError,
    ContextNotFoundError,
    InterpreterClosedError,
    InvalidArgumentError,
    NoSandboxError,
    NotReadyError,
    ProtocolError,
    RateLimitedError,
    RequestTimeoutError,
    StreamTruncatedError,
    TransportError,
)
from code_interpreter._execution import Execution, Result
from code_interpreter._interpreter import CodeInterpreter
from code_interpreter._interpreter_sync import CodeInterpreterSync
from code_interpreter._languages import SupportedLanguage

__version__ = _version("opensandbox-code-interpreter")

__all__ = [
    "APIError",
    "AuthenticationError",
    "CodeContext",
    "CodeInterpreter",
    "CodeInterpreterError",
    "CodeInterpreterSync",
    "Codes",
    "CodesSync",
    "ContextBusyError",
    "ContextNotFoundError",
    "Execution",
    "InterpreterClosedError",
    "InvalidArgumentError",
    "NoSandboxError",
    "NotReadyError",
    "ProtocolError",
    "RateLimitedError",
    "RequestTimeoutError",
    "Result",
    "StreamTruncatedError",
    "SupportedLanguage",
    "TransportError",
]
