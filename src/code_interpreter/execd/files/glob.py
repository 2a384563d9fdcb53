r"""Patterns of file names, as `GET /files/search` takes them. Pure.

`*` and `?` stand for anything but a slash, `**` for directories too, `[a-z]` and `[!a-z]` for one
character, `{a,b}` for one or the other; a backslash takes the meaning from the next character.

What must stay true: a pattern is tried on the path below the searched directory and on the bare
name, since real servers look at the name alone: `*.py` finds files at any depth. And every pattern
is decided in a time that grows with the length of the name and no faster. Python's `re` goes back
and tries again at each star, for hours if need be, and lets no other thread run meanwhile; so a
pattern becomes an automaton here, which is in all the places of it at once that a name may lead to.
"""

import re
from collections.abc import Callable

from code_interpreter.execd.refusals import invalid_body

_TOKEN = re.compile(
    r"""
    (?P<anywhere>(?:\*\*+/)+) | (?P<anything>\*\*+) | (?P<star>\*) | (?P<one>\?)
    | \[(?P<negated>[!^]?)(?P<members>\]?(?:\\.|[^\\\]])*)\]
    | \\(?P<escaped>.) | (?P<brace>[{},]) | (?P<unfinished>[\[\\]) | (?P<literal>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_MEMBER = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)
_LONGEST = 4096  # as long as a path can be
_REMEMBERED = 50_000  # steps of an automaton

_Accepts = Callable[[str], object]


def matcher(pattern: str) -> Callable[[str, str], bool]:
    """A function that tells whether a file is meant, from its path and its name.

    Raises:
        ApiError: A bracket or a brace is not closed, or the pattern is something else that none
            can be.
    """
    if len(pattern) > _LONGEST:
        raise invalid_body(f"a pattern has {_LONGEST} characters at most, and not {len(pattern)}")
    try:
        automaton = _Automaton(pattern)
    except re.error as error:
        raise invalid_body(f"invalid pattern {pattern!r}: {error}") from error
    return lambda path, name: automaton.accepts(name) or automaton.accepts(path)


class _State:
    """The places of a pattern that a name may have led to, and where they lead."""

    __slots__ = ("after", "is_end", "places")

    def __init__(self, places: frozenset[int], *, is_end: bool) -> None:
        self.places = places
        self.is_end = is_end
        self.after: dict[str, _State] = {}


class _Automaton:
    """A pattern that reads a name character by character; its states are made when needed."""

    def __init__(self, pattern: str) -> None:
        self._steps: list[list[tuple[_Accepts, int]]] = []  # of each place
        self._leaps: list[list[int]] = []  # without a character
        self._end = self._read(pattern)
        self._states: dict[frozenset[int], _State] = {}
        self._known = 0
        self._start = self._state({0})

    def accepts(self, name: str) -> bool:
        """Whether the whole name is what the pattern means."""
        state = self._start
        for character in name:
            state = state.after.get(character) or self._step(state, character)
            if not state.places:
                return False
        return state.is_end

    def _step(self, state: _State, character: str) -> _State:
        if self._known >= _REMEMBERED:
            self._known = 0
            self._states.clear()
            self._start.after.clear()
        self._known += 1
        after = self._state(
            {
                place
                for old in state.places
                for accepts, place in self._steps[old]
                if accepts(character)
            }
        )
        state.after[character] = after
        return after

    def _state(self, places: set[int]) -> _State:
        ahead = list(places)
        while ahead:
            for place in self._leaps[ahead.pop()]:
                if place not in places:
                    places.add(place)
                    ahead.append(place)
        key = frozenset(places)
        if key not in self._states:
            self._states[key] = _State(key, is_end=self._end in places)
        return self._states[key]

    def _read(self, pattern: str) -> int:
        """Lay out the places; returns the last."""
        place = self._place()
        braces: list[tuple[int, int]] = []  # where each begins and ends
        for token in _TOKEN.finditer(pattern):
            kind = token.lastgroup or ""
            if kind == "unfinished":
                raise re.error(f"{token[0]!r} has no end")
            if kind == "brace" and token[0] == "{":
                braces.append((place, self._place()))
                place = self._place(place)
            elif kind == "brace" and braces:
                begin, end = braces[-1]
                self._leaps[place].append(end)
                if token[0] == ",":
                    place = self._place(begin)
                else:
                    place = end
                    braces.pop()
            elif kind in {"anything", "star", "anywhere"}:
                place = self._wild(place, kind)
            else:
                following = self._place()
                self._steps[place].append((_one(token), following))
                place = following
        if braces:
            raise re.error("'{' has no end")
        return place

    def _wild(self, place: int, kind: str) -> int:
        loop = self._place(place)
        self._steps[loop].append((_not_slash if kind == "star" else bool, loop))
        if kind != "anywhere":
            return loop
        below = self._place(place)
        self._steps[loop].append(("/".__eq__, below))
        return below

    def _place(self, *before: int) -> int:
        """A new place, which those before it leap to."""
        self._steps.append([])
        self._leaps.append([])
        for place in before:
            self._leaps[place].append(len(self._steps) - 1)
        return len(self._steps) - 1


def _not_slash(character: str) -> bool:
    return character != "/"


def _one(token: "re.Match[str]") -> _Accepts:
    """What tells whether a character is the one that a token stands for."""
    if token.lastgroup == "one":
        return _not_slash
    if token.lastgroup == "members":
        return re.compile(_set(token["members"], negated=bool(token["negated"]))).match
    return (token["escaped"] or token[0]).__eq__


def _set(members: str, *, negated: bool) -> str:
    parts = (
        re.escape(first) + (f"-{re.escape(last)}" if last else "")
        for first, last in _MEMBER.findall(members)
    )
    return f"(?!/)[{'^' if negated else ''}{''.join(parts)}]"
