"""Kernels that tests need: where one is missing, the skip says what installs it."""

import asyncio
import os

import pytest

from code_interpreter.kernels.launch import KernelMissingError
from code_interpreter.kernels.providers import providers


def need_kernel(language: str) -> None:
    """Skip, unless a kernel of this language is installed."""
    (provider,) = [p for p in providers() if language in p.languages]
    try:
        asyncio.run(provider.find(language, os.environ))
    except KernelMissingError as error:
        pytest.skip(f"{error} (`code-interpreter kernels install {language}`)")
