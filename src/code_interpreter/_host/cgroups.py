"""Which control groups this process is in, by both versions of them."""

from collections.abc import Iterator
from pathlib import Path

MEMBERSHIP = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")


def groups(membership: Path, mounted: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups that a process is in, from the innermost outwards.

    Args:
        membership: The file that names the control groups of the process.
        mounted: Where control groups are mounted.
        controller: What they control, like "memory".
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root = mounted  # version 2: one tree for all
        elif controller in controllers.split(","):
            root = mounted / controller
        else:
            continue
        group = root / path.lstrip("/")
        while group != root:
            yield group
            group = group.parent
        yield root


def read_words(file: Path) -> list[str]:
    """What a file says; nothing when there is none."""
    try:
        return file.read_text().split()
    except OSError:
        return []
