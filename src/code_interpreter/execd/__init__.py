"""A server that speaks the execd API, with real kernels behind it: one process per sandbox.

    python -m code_interpreter.execd --port 44772

A request for a run walks one way: `app` (form), `contexts`, `commands` or `sessions` (who runs
what, and how it is stopped), `kernel` (a process), `channels` (its sockets, in a thread), `wire`
and `translate` (bytes to messages to events; pure), `spool` (what the client has not read yet),
`event_stream` (out). One about files goes through `file_routes` to `files`, in a thread.
"""

from code_interpreter.kernels.extras import require

require("runtime")
