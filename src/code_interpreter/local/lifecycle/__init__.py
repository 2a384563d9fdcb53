"""The sandbox API on loopback: `opensandbox.Sandbox.create(...)` works against it unchanged.

A sandbox here is a directory and three generations of processes: a guard, one execd below it,
and the kernels and commands below that. Nothing keeps them apart from the user's own files and
processes. The layers, each knowing only the ones before it: `guard.spawn` starts a guard,
`requests` reads what clients ask for (pure), `sandbox` is one sandbox and the registry of all,
`api` is HTTP.
"""
