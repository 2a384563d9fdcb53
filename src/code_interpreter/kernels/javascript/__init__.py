"""JavaScript and TypeScript: Node, tslab, the kernel's program."""
