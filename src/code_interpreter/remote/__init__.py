"""Commands for the sandboxes of a cluster, by the client."""
