"""The commands `kernels list` and `kernels install`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from functools import partial

from code_interpreter.kernels.launch import Installed, KernelMissingError, Provider
from code_interpreter.kernels.providers import installed as installed_of
from code_interpreter.kernels.providers import providers

_ALL = "all"
_FAILED = 1
_WRONG_ARGUMENT = 2
_HEADER = Installed("LANGUAGE", "VERSION", "KERNEL", "WHERE")


def show(arguments: argparse.Namespace) -> int:
    """List the kernels that are installed, and the languages that have none."""
    installed, missing = found_kernels()
    if arguments.json:
        listed = [kernel._asdict() for kernel in installed]
        _say(json.dumps({"installed": listed, "missing": missing}, indent=1))
    else:
        _say(table(installed))
        for language, command in missing.items():
            _say(f"No kernel for {language}: {command}")
    return 0


def install(arguments: argparse.Namespace) -> int:
    """Install the kernels of some languages."""
    wanted = {language.lower() for language in arguments.languages}
    found = providers()
    known = {language for provider in found for language in provider.languages}
    if unknown := sorted(wanted - known - {_ALL}):
        _complain(f"no such language: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return _WRONG_ARGUMENT
    status = 0
    for provider in found:
        if _ALL not in wanted and not wanted & set(provider.languages):
            continue
        try:
            provider.install(partial(_say_of, provider))
        except KernelMissingError as error:
            _complain(f"{_name(provider)}: {error}")
            status = _FAILED
    return status


def found_kernels() -> tuple[list[Installed], dict[str, str]]:
    """The kernels of this machine; by each language that has none, what installs one."""
    found = providers()
    installed = asyncio.run(installed_of(found, os.environ))
    having = {kernel.language for kernel in installed}
    missing = {
        language: f"code-interpreter kernels install {language}"
        for provider in found
        for language in provider.languages
        if language not in having
    }
    return installed, missing


def table(installed: Sequence[Installed]) -> str:
    """A line for each kernel, and one above that says what is in them."""
    rows = [_HEADER, *installed]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _name(provider: Provider) -> str:
    return ", ".join(provider.languages)


def _say_of(provider: Provider, line: str) -> None:
    _say(f"{_name(provider)}: {line}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"code-interpreter: {text}\n")
