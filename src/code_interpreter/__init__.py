"""Run code in Python, Bash, JavaScript, TypeScript, Java and Go, on a cluster or on this machine.

`CodeInterpreter` is for asyncio, `CodeInterpreterSync` for everything else.
"""

import importlib
import logging
from typing import TYPE_CHECKING

from code_interpreter._version import __version__

if TYPE_CHECKING:
    from code_interpreter._async.codes import Codes
    from code_interpreter._async.interpreter import CodeInterpreter
    from code_interpreter._bundled.settings import BundledRuntime, Runtime, SetupProgress
    from code_interpreter._call.code_context import CodeContext, SupportedLanguage
    from code_interpreter._call.transfer import TransferProgress
    from code_interpreter._call.variable import Variable
    from code_interpreter._errors import (
        APIError,
        AuthenticationError,
        CodeError,
        CodeInterpreterError,
        CodeInterruptedError,
        ContextBusyError,
        ContextNotFoundError,
        ExecutionTimeoutError,
        ForkedError,
        InstallError,
        InterpreterClosedError,
        InvalidArgumentError,
        KernelDiedError,
        NoSandboxError,
        NotReadyError,
        OutputLostWarning,
        ProtocolError,
        RateLimitedError,
        RequestTimeoutError,
        RuntimeSetupError,
        StreamIdleError,
        StreamTruncatedError,
        TransportError,
        WrongLoopError,
    )
    from code_interpreter._output.execution import Execution, ExecutionError, Outcome
    from code_interpreter._output.parts import ImagePart, TextPart
    from code_interpreter._output.result import Result
    from code_interpreter._render.blocks import to_anthropic, to_mcp, to_openai, tool_schema
    from code_interpreter._sync.codes import CodesSync
    from code_interpreter._sync.interpreter import CodeInterpreterSync

__all__ = [
    "APIError",
    "AuthenticationError",
    "BundledRuntime",
    "CodeContext",
    "CodeError",
    "CodeInterpreter",
    "CodeInterpreterError",
    "CodeInterpreterSync",
    "CodeInterruptedError",
    "Codes",
    "CodesSync",
    "ContextBusyError",
    "ContextNotFoundError",
    "Execution",
    "ExecutionError",
    "ExecutionTimeoutError",
    "ForkedError",
    "ImagePart",
    "InstallError",
    "InterpreterClosedError",
    "InvalidArgumentError",
    "KernelDiedError",
    "NoSandboxError",
    "NotReadyError",
    "Outcome",
    "OutputLostWarning",
    "ProtocolError",
    "RateLimitedError",
    "RequestTimeoutError",
    "Result",
    "Runtime",
    "RuntimeSetupError",
    "SetupProgress",
    "StreamIdleError",
    "StreamTruncatedError",
    "SupportedLanguage",
    "TextPart",
    "TransferProgress",
    "TransportError",
    "Variable",
    "WrongLoopError",
    "__version__",
    "to_anthropic",
    "to_mcp",
    "to_openai",
    "tool_schema",
]

# What others log of our requests at INFO, or beside an error that they raise, is noise to the
# programs around us. A level that a program has set stays.
for _name, _level in {
    "httpx": logging.WARNING,
    "opensandbox": logging.WARNING,
    "opensandbox.adapters": logging.CRITICAL,
    "opensandbox.sync.adapters": logging.CRITICAL,
}.items():
    if (_logger := logging.getLogger(_name)).level == logging.NOTSET:
        _logger.setLevel(_level)

# Names are imported when they are first used (PEP 562): the process of every local sandbox imports
# this package without needing them, and they take most of a second.
_HOMES = {
    "Codes": "_async.codes",
    "CodesSync": "_sync.codes",
    "BundledRuntime": "_bundled.settings",
    "TransferProgress": "_call.transfer",
    "Runtime": "_bundled.settings",
    "SetupProgress": "_bundled.settings",
    "CodeContext": "_call.code_context",
    "Execution": "_output.execution",
    "ExecutionError": "_output.execution",
    "Outcome": "_output.execution",
    "CodeInterpreter": "_async.interpreter",
    "CodeInterpreterSync": "_sync.interpreter",
    "SupportedLanguage": "_call.code_context",
    "Variable": "_call.variable",
    "ImagePart": "_output.parts",
    "TextPart": "_output.parts",
    "Result": "_output.result",
    "to_anthropic": "_render.blocks",
    "to_mcp": "_render.blocks",
    "to_openai": "_render.blocks",
    "tool_schema": "_render.blocks",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, '_errors')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
