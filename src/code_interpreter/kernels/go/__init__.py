"""Go: toolchains, gonb, and what is changed in it."""
