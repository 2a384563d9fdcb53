"""Giving memory back to the system."""

import ctypes

_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it


def give_back() -> None:
    """Return what has been freed, after a flood of output for instance.

    glibc keeps large blocks once they are freed, to use them again: after 200 MB of output for a
    client that reads none of it, execd held 100 to 250 MB where its spool held 64. To have such
    blocks mapped one by one (`M_MMAP_THRESHOLD`) would do as well, but half as much again was then
    needed for passing on 100 MB. This takes some milliseconds, and any thread may call it.
    """
    if _malloc_trim is not None:
        _malloc_trim(0)
