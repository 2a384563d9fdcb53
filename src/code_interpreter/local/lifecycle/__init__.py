"""The sandbox API on loopback: `opensandbox.Sandbox.create(...)` works against it unchanged.

A sandbox here is a directory and three generations of processes: a guard, one execd below it,
and the kernels and commands below that. Nothing keeps them apart from the user's own files and
processes. The layers, each knowing only the ones before it: `_launch` starts a guard, `_requests`
reads what clients ask for (pure), `_sandbox` is one sandbox and the registry of all, `_app` is
HTTP.
"""
