"""Python: interpreters, environments, the kernel's program."""
