"""What a call means, before any I/O."""
