"""Stands in a sandbox in place of a package that is not to be there."""

raise ModuleNotFoundError(f"No module named {__name__!r}", name=__name__)
