"""The models, at the reference SDK's import path."""

from code_interpreter._call.code_context import CodeContext
from code_interpreter._call.languages import SupportedLanguage

__all__ = ["CodeContext", "SupportedLanguage"]
