"""The languages, by the names that execd knows them.

A real server does not refuse a language that it lacks: it retries for more than a minute. So an
unknown name is refused here, before any I/O.
"""

from typing import Final

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


def checked_language(language: str) -> str:
    """Return the language if it is a supported one.

    Raises:
        InvalidArgumentError: It is not a string, is blank, or names no supported language.
    """
    if not isinstance(language, str) or not language.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(
            f"language must name one of {', '.join(LANGUAGES)}; got {language!r}"
        )
    if language not in LANGUAGES:
        raise InvalidArgumentError(
            f"unknown language {language!r}; supported are {', '.join(LANGUAGES)}"
        )
    return language
