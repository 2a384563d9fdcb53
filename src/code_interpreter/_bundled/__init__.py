"""Our execd in any sandbox: what is sent there, and the talk with what sets it up; no I/O here."""
