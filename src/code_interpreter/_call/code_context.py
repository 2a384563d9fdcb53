"""Languages and contexts, and the requests about them.

Arguments are checked here, before any I/O: what is not valid is an InvalidArgumentError. A real
server does not refuse a language that it lacks: it retries for more than a minute.
"""

from typing import Final

import execd_client.models as wire
from execd_client.types import UNSET
from pydantic import BaseModel, ConfigDict, field_validator

from code_interpreter._errors import InvalidArgumentError


class SupportedLanguage:
    """The languages that a sandbox can run, as the plain strings of the wire."""

    PYTHON: Final = "python"
    JAVA: Final = "java"
    GO: Final = "go"
    TYPESCRIPT: Final = "typescript"
    BASH: Final = "bash"
    JAVASCRIPT: Final = "javascript"


LANGUAGES: Final = tuple(
    sorted(value for name, value in vars(SupportedLanguage).items() if name.isupper())
)
_ALIASES: Final = {
    "py": "python",
    "python3": "python",
    "golang": "go",
    "ts": "typescript",
    "sh": "bash",
    "shell": "bash",
    "js": "javascript",
    "node": "javascript",
}


class CodeContext(BaseModel):
    """Where code runs: one kernel of one language, whose state lasts from run to run.

    Attributes:
        id: The server's id. None means the default context of `language`, which the server makes
            on demand.
        language: One of `SupportedLanguage`.
        cwd: The directory in which it started; None if the server does not say.
    """

    model_config = ConfigDict(extra="ignore")

    id: str | None = None
    language: str
    cwd: str | None = None

    @field_validator("language")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("language cannot be blank")
        return value


def checked_language(language: str) -> str:
    """Return the name that goes over the wire for one that people use, such as ``js``."""
    name = language.strip().lower() if isinstance(language, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
    name = _ALIASES.get(name, name)
    if name not in LANGUAGES:
        raise InvalidArgumentError(
            f"unknown language {language!r}; supported are {', '.join(LANGUAGES)}"
        )
    return name


def from_wire(context: wire.CodeContext) -> CodeContext:
    """Return the public model of a context that the server described."""
    return CodeContext(id=context.id or None, language=context.language, cwd=context.cwd or None)


def context_request(language: str, cwd: str | None) -> wire.CodeContextRequest:
    """Return the request for a new context."""
    if cwd is not None and not cwd.strip():
        raise InvalidArgumentError("cwd must be a path, or None for the server's default")
    return wire.CodeContextRequest(language=checked_language(language), cwd=cwd or UNSET)


def restart_request(context: CodeContext) -> tuple[str, wire.CodeContextRequest]:
    """Return the id of a context, and the request that starts it anew."""
    if not isinstance(context, CodeContext):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"context must be a CodeContext; got {type(context).__name__}")
    if not context.id:
        raise InvalidArgumentError(
            "the default context of a language has no id to restart it by;"
            " delete_contexts(language) makes it anew, with all others of its language"
        )
    body = wire.CodeContextRequest(
        language=context.language, cwd=context.cwd or UNSET, id=context.id
    )
    return context.id, body


def run_request(
    code: str, language: str | None, context: CodeContext | None
) -> wire.RunCodeRequest:
    """Return the request that runs code."""
    if not isinstance(code, str) or not code.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError("code must be a string that is not empty")
    if context is not None and not isinstance(context, CodeContext):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"context must be a CodeContext; got {type(context).__name__}")
    if context is None:
        name = checked_language(SupportedLanguage.PYTHON if language is None else language)
        return wire.RunCodeRequest(code=code, context=wire.CodeContext(language=name))
    # A server may have languages of its own; the id decides.
    own = context.language if context.id else checked_language(context.language)
    if language not in {None, own, context.language} and checked_language(str(language)) != own:
        raise InvalidArgumentError(
            f"language {language!r} and the context's language {own!r} disagree"
        )
    where = wire.CodeContext(language=own, id=context.id or UNSET)
    return wire.RunCodeRequest(code=code, context=where)


def checked_id(what: str, value: str) -> str:
    """Return the id, of a context or an execution, if it is a string that is not blank."""
    if not isinstance(value, str) or not value.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"{what} id must be a string that is not blank; got {value!r}")
    return value
