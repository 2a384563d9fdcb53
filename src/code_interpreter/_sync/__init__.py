"""The blocking client, made from `_async` by scripts/unasync.py, `primitives` apart."""
