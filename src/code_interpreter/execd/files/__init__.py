"""The files of the sandbox."""
