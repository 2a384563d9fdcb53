"""The models, at the reference SDK's import path."""

from code_interpreter._call.code_context import CodeContext, SupportedLanguage

__all__ = ["CodeContext", "SupportedLanguage"]
