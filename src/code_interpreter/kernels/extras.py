"""The optional extras: what each brings, and what to do where one is missing.

What must stay true: this module needs nothing that an extra brings, and its commands are those of
the section "Install" in README.md. A plain `pip install opensandbox-code-interpreter` is not among
them: on PyPI that name is the reference SDK.
"""

from importlib.util import find_spec
from typing import Final, Literal

from code_interpreter._version import __version__

_RUNTIME = (
    "anyio",
    "httptools",
    "ipykernel",
    "jupyter_client",
    "psutil",
    "python_multipart",
    "starlette",
    "traitlets",
    "uvicorn",
    "zmq",
)
MODULES: Final = {"runtime": _RUNTIME, "local": _RUNTIME, "mcp": (*_RUNTIME, "PIL", "mcp")}


def require(extra: Literal["runtime", "local", "mcp"]) -> None:
    """Check that what an extra brings is installed.

    Raises:
        ImportError: Something is missing. The message says what, and how to install it.
    """
    if missing := [name for name in MODULES[extra] if find_spec(name) is None]:
        checkout, wheels = commands(extra)
        raise ImportError(
            f"code_interpreter needs {', '.join(missing)}, from its extra [{extra}]. "
            f"In a checkout: {checkout}. With wheels in dist: {wheels}",
            name=missing[0],
        )


def commands(extra: str) -> tuple[str, str]:
    """Return what installs the package with an extra: from a checkout, and from built wheels."""
    return (
        f"pip install ./generated '.[{extra}]'",
        f"pip install --find-links dist 'opensandbox-code-interpreter[{extra}]=={__version__}'",
    )
