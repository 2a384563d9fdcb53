"""A server that speaks the execd API, with real kernels behind it: one process per sandbox.

    python -m code_interpreter.local.execd --port 44772

A request for a run walks one way: `_app` (form), `_contexts`, `_commands` or `_sessions` (who runs
what, and how it is stopped), `_kernel` (a process), `_channels` (its sockets, in a thread), `_wire`
and `_translate` (bytes to messages to events; pure), `_spool` (what the client has not read yet),
`_stream` (out). One about files goes through `_file_routes` to `_files`, in a thread.
"""

from code_interpreter.local.execd._server import main

__all__ = ["main"]
