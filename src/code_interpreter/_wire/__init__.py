"""Reaching execd: where it is, what it sends, what its failures mean."""
