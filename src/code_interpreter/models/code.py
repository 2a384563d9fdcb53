"""The models, at the reference SDK's import path."""

from code_interpreter._contexts import CodeContext
from code_interpreter._languages import SupportedLanguage

__all__ = ["CodeContext", "SupportedLanguage"]
