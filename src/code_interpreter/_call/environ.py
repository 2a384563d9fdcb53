"""Environment variables for a context or for a run, by what its kernel can do.

What must stay true: values are in no code that is run, since kernels, servers and their logs keep
code. They travel in a file that only the sandbox's user can read, and that goes as soon as it was
read. Go is the exception: each of its runs is a process, which reads the file when it starts.
"""

import base64
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from code_interpreter._call.code_context import LANGUAGES, SupportedLanguage
from code_interpreter._call.program import program, python_cell
from code_interpreter._errors import InvalidArgumentError

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_GO: Final = """func %s() {
	content, err := os.ReadFile(%s)
	if err != nil {
		return
	}
	values := map[string]string{}
	if json.Unmarshal(content, &values) != nil {
		return
	}
	for name, value := range values {
		os.Setenv(name, value)
	}
}"""


@dataclass(frozen=True, slots=True)
class Environ:
    """Variables to set in a context.

    Attributes:
        path: Where the file goes.
        content: What is in it.
        enter: The cell that sets them.
        leave: The cell that puts back what was there before.
        keeps_file: Whether the file is needed for as long as they are set.
    """

    path: str
    content: bytes = field(repr=False)
    enter: str
    leave: str
    keeps_file: bool = False


def checked_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables if every process in every language can have them.

    The message of an error names no value.
    """
    if not isinstance(env, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"env must be a mapping; got {type(env).__name__}")
    for name, value in env.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidArgumentError(f"{name!r} is not the name of an environment variable")
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InvalidArgumentError(
                f"the value of {name} must be a string; got {type(value).__name__}"
            )
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidArgumentError(f"no environment variable can have the value of {name}")
    return dict(env)


@dataclass(frozen=True, slots=True)
class EnvPlan:
    """Variables that are to be set, before it is known where their file can be.

    Attributes:
        language: As servers name it.
        values: The variables.
        lasting: Whether they stay, or `leave` is going to put back what was there before.
    """

    language: str
    values: Mapping[str, str] = field(repr=False)
    lasting: bool

    def with_file_in(self, folder: str) -> Environ:
        """Return how they are set, by a file in a folder of the sandbox."""
        path = f"{folder}/.code-interpreter-{uuid4().hex}"
        content = json.dumps(self.values)
        quoted = json.dumps(path, ensure_ascii=False)
        keeps_file = False
        match self.language:
            case SupportedLanguage.PYTHON:
                enter = python_cell("setenv.py", f"enter({path!r}, lasting={self.lasting})")
                leave = python_cell("setenv.py", "leave()")
            case SupportedLanguage.JAVA:
                source = program("SetEnv.java")
                enter = f"{source}.enter({quoted}, {json.dumps(self.lasting)});"
                leave = f"{source}.leave();"
                pairs = self.values.items()
                content = "".join(f"{_b64(name)}:{_b64(value)}\n" for name, value in pairs)
            case SupportedLanguage.BASH:
                enter = f". {shlex.quote(path)}"
                kept = "__code_interpreter_environment"
                leave = f'eval "${{{kept}-}}"; unset -v {kept}'
                content = _bash_script(path, self.values, lasting=self.lasting)
            case SupportedLanguage.GO:
                # Programs call their functions `init_...` first, in this order.
                function = f"init_code_interpreter_{'context' if self.lasting else 'run'}"
                enter = _GO % (function, quoted)
                leave = f"%rm {function}"
                keeps_file = True
            case _:
                call = f'eval({json.dumps(program("setenv.js"))})(eval("require")'
                enter = f"{call}, {quoted}, {json.dumps(self.lasting)});"
                leave = f"{call});"
        return Environ(path, content.encode(), enter, leave, keeps_file)


def plan_env(language: str, env: Mapping[str, str] | None, *, lasting: bool) -> EnvPlan | None:
    """Return the plan for variables of a language, named as servers do; None if there are none."""
    values = checked_env(env or {})
    if values and language not in LANGUAGES:
        raise InvalidArgumentError(f"environment variables cannot be set for {language}")
    return EnvPlan(language, values, lasting) if values else None


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _bash_script(path: str, values: Mapping[str, str], *, lasting: bool) -> str:
    """Return a script that sets the variables, and keeps how to put back what was there.

    It takes Bash 3.2, the one of macOS.
    """
    lines = [f"command rm -f -- {shlex.quote(path)}"]
    if not lasting:
        lines.append("__code_interpreter_environment=")
    for name, value in values.items():
        if not lasting:
            lines += [
                f"__code_interpreter_one=$(declare -p {name} 2>/dev/null) || :",
                "__code_interpreter_one=${__code_interpreter_one#declare -}",
                'case "${__code_interpreter_one%% *}" in',
                f'"") __code_interpreter_one="unset -v {name};" ;;',
                f'*x*) printf -v __code_interpreter_one "export {name}=%q;" "${name}" ;;',
                f'*) printf -v __code_interpreter_one "unset -v {name}; {name}=%q;" "${name}" ;;',
                "esac",
                "__code_interpreter_environment+=$__code_interpreter_one",
            ]
        quoted = value.replace("'", "'\\''")
        lines.append(f"export {name}='{quoted}' || return")
    if not lasting:
        lines.append("unset -v __code_interpreter_one")
    return "\n".join(lines) + "\n"
