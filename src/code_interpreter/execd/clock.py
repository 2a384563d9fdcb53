"""Times as the API writes them, in one place: RFC 3339 in UTC, with nine digits of a second.

What must stay true: every time that a file system can hold has a form, so that one odd file does
not make a whole listing fail. Years that the format lacks become the nearest that it has. Pure.
"""

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC, without the offset that would be printed
_FIRST = (datetime.min - _EPOCH) // timedelta(seconds=1)  # noqa: DTZ901
_LAST = (datetime.max - _EPOCH) // timedelta(seconds=1)  # noqa: DTZ901


def rfc3339(nanoseconds: int) -> str:
    """A time given in nanoseconds since 1970."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    moment = _EPOCH + timedelta(seconds=min(max(seconds, _FIRST), _LAST))
    return f"{moment.isoformat()}.{fraction:09}Z"
