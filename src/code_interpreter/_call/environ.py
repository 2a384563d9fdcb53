"""Environment variables for a context or for a run, by what its kernel can do.

What must stay true: values are in no code that is run, since kernels, servers and their logs keep
code. They travel in a file that only the sandbox's user can read, and that goes as soon as it was
read. Go is the exception: each of its runs is a process, which reads the file when it starts.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from code_interpreter._call.code_context import SupportedLanguage
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


def plan_env(language: str, env: Mapping[str, str] | None, *, lasting: bool) -> Environ | None:
    """Return how variables are set in a language; None if there are none.

    Args:
        language: As servers name it.
        env: The variables.
        lasting: Whether they stay, or `leave` is going to put back what was there before.
    """
    values = checked_env(env or {})
    if not values:
        return None
    path = f"/tmp/.code-interpreter-{uuid4().hex}"  # noqa: S108  # of the sandbox
    content = json.dumps(values)
    keeps_file = False
    match language:
        case SupportedLanguage.PYTHON:
            enter = python_cell("setenv.py", f"enter({path!r}, lasting={lasting})")
            leave = python_cell("setenv.py", "leave()")
        case SupportedLanguage.JAVASCRIPT | SupportedLanguage.TYPESCRIPT:
            call = f'eval({json.dumps(program("setenv.js"))})(eval("require")'
            enter = f"{call}, {json.dumps(path)}, {json.dumps(lasting)});"
            leave = f"{call});"
        case SupportedLanguage.JAVA:
            enter = f"{program('SetEnv.java')}.enter({json.dumps(path)}, {json.dumps(lasting)});"
            leave = f"{program('SetEnv.java')}.leave();"
            content = "".join(f"{_b64(name)}:{_b64(value)}\n" for name, value in values.items())
        case SupportedLanguage.BASH:
            enter = f". {path}"
            leave = (
                'eval "${__code_interpreter_environment-}"; unset -v __code_interpreter_environment'
            )
            content = _bash_script(path, values, lasting=lasting)
        case SupportedLanguage.GO:
            # Programs call their functions `init_...` first, in this order.
            function = f"init_code_interpreter_{'context' if lasting else 'run'}"
            enter = _GO % (function, json.dumps(path))
            leave = f"%rm {function}"
            keeps_file = True
        case _:
            raise InvalidArgumentError(f"environment variables cannot be set for {language}")
    return Environ(path, content.encode(), enter, leave, keeps_file)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _bash_script(path: str, values: Mapping[str, str], *, lasting: bool) -> str:
    """Return a script that sets the variables, and keeps how to put back what was there.

    It takes Bash 3.2, the one of macOS.
    """
    lines = [f"command rm -f -- {path}"]
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
