"""What `install` means in each language: a cell, and what its output says."""

import json
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from code_interpreter._call.code_context import CodeContext, SupportedLanguage, checked_language
from code_interpreter._call.program import program, python_cell
from code_interpreter._errors import InstallError, InvalidArgumentError

_KEPT_LINES: Final = 50

# Part of a command line: of a kernel's, or of a program's that takes options.
_PYTHON: Final = re.compile(r"[^\s\-\x00-\x1f][^\x00-\x1f]*")
_NPM: Final = re.compile(r"[^\s\-\x00-\x1f][^\s\x00-\x1f]*")
_MAVEN: Final = re.compile(r"[\w.-]+(:[\w.-]+){2,4}", re.ASCII)
_GO: Final = re.compile(r"[\w.][\w./~-]*(@[\w.+~-]+)?", re.ASCII)

_SPECS: Final = {
    SupportedLanguage.PYTHON: (_PYTHON, "a requirement, such as pandas>=2"),
    SupportedLanguage.JAVASCRIPT: (_NPM, "a package of npm, such as lodash@4"),
    SupportedLanguage.TYPESCRIPT: (_NPM, "a package of npm, such as lodash@4"),
    SupportedLanguage.JAVA: (_MAVEN, "an artifact, such as com.google.code.gson:gson:2.11.0"),
    SupportedLanguage.GO: (_GO, "a module, such as github.com/google/uuid@v1.6.0"),
}


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """One installation, before it begins.

    Attributes:
        language: Of the packages.
        cell: What installs them.
        mark: The line that the cell prints when they are there.
    """

    language: str
    cell: str
    mark: str


def plan_install(
    packages: Sequence[str], language: str | None, context: CodeContext | None
) -> InstallPlan:
    """Return the plan for the arguments of a call; raise InvalidArgumentError for a bad one."""
    if context is not None:
        own = checked_language(context.language)
        if language is not None and checked_language(language) != own:
            raise InvalidArgumentError(
                f"language {language!r} and the context's language {own!r} disagree"
            )
        language = own
    name = checked_language(SupportedLanguage.PYTHON if language is None else language)
    if name not in _SPECS:
        raise InvalidArgumentError(
            f"{name} has no packages of its own: use the sandbox's commands, as far as it lets you"
        )
    if not packages:
        raise InvalidArgumentError("name a package at least")
    form, what = _SPECS[name]
    for package in packages:
        if not isinstance(package, str) or not form.fullmatch(package):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidArgumentError(f"{package!r} is not {what}")
    mark = f"installed {uuid4().hex}"
    return InstallPlan(name, _cell(name, packages, mark), mark)


def _cell(language: str, packages: Sequence[str], mark: str) -> str:
    match language:
        case SupportedLanguage.PYTHON:
            return python_cell("python_packages.py", f"install({[*packages]!r}, {mark!r})")
        case SupportedLanguage.JAVA:
            return "\n".join([f"%maven {each}" for each in packages] + [_PRINT_IN_JAVA % mark])
        case SupportedLanguage.GO:
            return f"!*go get {' '.join(packages)} && echo {mark}"
        case _:
            install = json.dumps(program("npm.js"))
            arguments = f"{json.dumps([*packages])}, {json.dumps(mark)}"
            return f'await eval({install})(eval("require"), {arguments});'


_PRINT_IN_JAVA: Final = 'System.out.println("%s");'


class Installation:
    """What an installation says, line by line, and whether it has succeeded."""

    def __init__(self, plan: InstallPlan) -> None:
        self._mark = plan.mark
        self._rest = ""
        self._last = deque[str](maxlen=_KEPT_LINES)
        self._is_done = False

    def take(self, text: str) -> list[str]:
        """Return the lines that are whole now."""
        *lines, self._rest = (self._rest + text).split("\n")
        return self._told(lines)

    def end(self) -> list[str]:
        """Return the line that was not finished, if there is one."""
        rest, self._rest = self._rest, ""
        return self._told([rest])

    def _told(self, lines: list[str]) -> list[str]:
        told = [line.rstrip() for line in lines if line.strip()]
        self._is_done = self._is_done or self._mark in told
        told = [line for line in told if line != self._mark]
        self._last.extend(told)
        return told

    def check(self, failure: str | None) -> None:
        """Raise InstallError, unless it has succeeded.

        Args:
            failure: What the kernel says of the cell.
        """
        if not self._is_done:
            raise InstallError([*self._last, *filter(None, [failure])])
