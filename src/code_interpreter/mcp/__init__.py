"""A server of the Model Context Protocol: the interpreter as tools for agents.

It is a client of the interpreter, as any program is. A request walks one way: `stdio` or `http`
(where a connection begins and ends), `protocol`, `tools` (arguments), `workspace` (what one client
has), `answers` (what its model reads).
"""

from code_interpreter.kernels.extras import require

require("mcp")
