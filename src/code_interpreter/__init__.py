"""Run code in Python, Bash, JavaScript, TypeScript, Java and Go in isolated sandboxes.

`CodeInterpreter` is for asyncio, `CodeInterpreterSync` for everything else.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from code_interpreter._codes import Codes
    from code_interpreter._codes_sync import CodesSync
    from code_interpreter._contexts import CodeContext
    from code_interpreter._errors import (
        APIError,
        AuthenticationError,
        CodeError,
        CodeInterpreterError,
        CodeInterruptedError,
        ContextBusyError,
        ContextNotFoundError,
        ExecutionTimeoutError,
        InterpreterClosedError,
        InvalidArgumentError,
        KernelDiedError,
        NoSandboxError,
        NotReadyError,
        OutputLostWarning,
        ProtocolError,
        RateLimitedError,
        RequestTimeoutError,
        StreamIdleError,
        StreamTruncatedError,
        TransportError,
    )
    from code_interpreter._execution import Execution, Outcome
    from code_interpreter._interpreter import CodeInterpreter
    from code_interpreter._interpreter_sync import CodeInterpreterSync
    from code_interpreter._languages import SupportedLanguage
    from code_interpreter._results import Result

    __version__: str

__all__ = [
    "APIError",
    "AuthenticationError",
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
    "ExecutionTimeoutError",
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
    "StreamIdleError",
    "StreamTruncatedError",
    "SupportedLanguage",
    "TransportError",
]

# Names come from their modules when they are first asked for (PEP 562): the process of every local
# sandbox imports this package and needs none of them, and they take most of a second.
_HOMES = {
    "Codes": "_codes",
    "CodesSync": "_codes_sync",
    "CodeContext": "_contexts",
    "Execution": "_execution",
    "Outcome": "_execution",
    "CodeInterpreter": "_interpreter",
    "CodeInterpreterSync": "_interpreter_sync",
    "SupportedLanguage": "_languages",
    "Result": "_results",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        metadata = importlib.import_module("importlib.metadata")
        value: object = metadata.version("opensandbox-code-interpreter")
    elif name in __all__:
        home = importlib.import_module(f"{__name__}.{_HOMES.get(name, '_errors')}")
        value = getattr(home, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
