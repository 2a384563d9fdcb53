"""HTTP, whatever is asked: the gate, routes, event streams."""
