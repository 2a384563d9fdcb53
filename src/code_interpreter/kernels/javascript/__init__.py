"""JavaScript and TypeScript: Node, the kernel's program."""
