"""Bash: the shell, the kernel's program."""
