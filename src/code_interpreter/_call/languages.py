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
_NAMES: Final[dict[str, str]] = {language: language for language in LANGUAGES} | {
    "py": SupportedLanguage.PYTHON,
    "python3": SupportedLanguage.PYTHON,
    "golang": SupportedLanguage.GO,
    "ts": SupportedLanguage.TYPESCRIPT,
    "sh": SupportedLanguage.BASH,
    "shell": SupportedLanguage.BASH,
    "js": SupportedLanguage.JAVASCRIPT,
    "node": SupportedLanguage.JAVASCRIPT,
}


def checked_language(language: str) -> str:
    """Return the name that goes over the wire for one that people use, such as ``js``."""
    name = _NAMES.get(language.strip().lower()) if isinstance(language, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
    if name is None:
        raise InvalidArgumentError(
            f"unknown language {language!r}; supported are {', '.join(LANGUAGES)}"
        )
    return name
