"""A run that is going on, and its output on the way to the client."""
