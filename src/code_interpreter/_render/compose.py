"""An execution as parts: text and pictures in their order of arrival, within bounds.

The work does not grow with the output: text is made from both ends until the room is full, and what
lies between is counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeAlias

from opensandbox.models.execd import OutputMessage

from code_interpreter._errors import InvalidArgumentError
from code_interpreter._output.execution import Execution, Outcome
from code_interpreter._output.parts import ImagePart, Part, TextPart
from code_interpreter._output.result import Result
from code_interpreter._render import forms, tracebacks
from code_interpreter._render.text import Gap, Item, clean, clipped, fitted, total

_LEAST: Final = 200  # of `max_chars`: notes need some room
_SAID: Final = {
    None: "The run is not over.",
    Outcome.INTERRUPTED: "The run was interrupted.",
    Outcome.TIMED_OUT: "The run was stopped: it took longer than its time limit.",
    Outcome.KERNEL_DIED: "The kernel died: the state of this context is gone.",
    Outcome.STREAM_LOST: "The connection broke before the run ended; output may be missing.",
    Outcome.BUSY: "The code did not run: the context was busy with other code.",
}

# Chunks of one stream, a result, or what `max_output` left out.
_Segment: TypeAlias = list[str] | Result | Gap


def compose(
    execution: Execution, max_chars: int, max_images: int, image_pixels: int, prefer: Sequence[str]
) -> list[Part]:
    """Return the parts of an execution; see `Execution.render`."""
    _check("max_chars", max_chars, _LEAST)
    _check("max_images", max_images, 0)
    _check("image_pixels", image_pixels, 1)
    if (
        isinstance(prefer, str)
        or not isinstance(prefer, Sequence)  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        or not all(isinstance(kind, str) for kind in prefer)  # pyright: ignore[reportUnnecessaryIsInstance]
    ):
        raise InvalidArgumentError(f"prefer must be a sequence of MIME types; got {prefer!r}")
    composer = _Composer(execution, max_chars, max_images, image_pixels, prefer)
    items = [item for item in composer.items() if not isinstance(item, str) or item.strip()]
    items += _ending(execution, items, max_chars)
    parts = [
        item if isinstance(item, ImagePart) else TextPart(item.strip("\n"))
        for item in fitted(items, max_chars)
    ]
    return [part for part in parts if isinstance(part, ImagePart) or part.text.strip()]


def _check(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
        raise InvalidArgumentError(f"{name} must be a whole number from {least} on; got {value!r}")


def _ending(execution: Execution, items: Sequence[Item], room: int) -> list[str]:
    """Return what is to be said beside the output: always something if there is none."""
    said: list[str] = []
    if execution.error:
        last = items[-1] if items else ""
        text = tracebacks.short(execution.error, last if isinstance(last, str) else "")
        said.append(clipped(text, max(room // 3, _LEAST)))
    if execution.output_lost:
        said.append("[The server dropped output; some of it is missing.]\n")
    if execution.outcome in _SAID:
        said.append(f"[{_SAID[execution.outcome]}]\n")
    if not items and not said:
        said.append(f"[The code ran without visible output{_time(execution)}.]\n")
    return said


def _time(execution: Execution) -> str:
    if execution.complete is None:
        return ""
    took = execution.complete.execution_time_in_millis
    return f", in {took} ms" if took < 1000 else f", in {took / 1000:.1f} s"  # noqa: PLR2004


class _Composer:
    def __init__(
        self, execution: Execution, room: int, max_images: int, longest: int, prefer: Sequence[str]
    ) -> None:
        self._room = room
        self._longest = longest
        self._prefer = prefer
        segments = list(_segments(execution))
        # Of a figure that is also the last value, kernels send the picture twice.
        self._segments = [
            segment
            for before, segment in zip([None, *segments], segments, strict=False)
            if not (
                isinstance(before, Result)
                and isinstance(segment, Result)
                and forms.show_the_same(before, segment)
            )
        ]
        pictures = [
            index
            for index, segment in enumerate(self._segments)
            if isinstance(segment, Result) and forms.is_shown_as_picture(segment, prefer)
        ]
        # As with text, those of the beginning and those of the end.
        first = min(max_images // 2, len(pictures))
        last = max(len(pictures) - (max_images - first), first)
        self._hidden = pictures[first:last]  # the first of them says how many
        self._pictures = {*pictures[:first], *pictures[last:]}

    def items(self) -> list[Item]:
        """Return the items, or enough of both ends to fill the room, and what lies between."""
        count = len(self._segments)
        front = self._made(range(count))
        back = self._made(range(count - 1, len(front) - 1, -1))
        between = range(len(front), count - len(back))
        gap = total(map(self._gap, between))
        gaps = [gap] if str(gap) else []
        pictures = [self._item(index) for index in between if index in self._pictures]
        return [*chain(*front), *gaps, *chain(*pictures), *chain(*reversed(back))]

    def _made(self, indices: Iterable[int]) -> list[list[Item]]:
        made: list[list[Item]] = []
        size = 0
        for index in indices:
            if size >= self._room:
                break
            made.append(self._item(index))
            size += sum(len(item) for item in made[-1] if isinstance(item, str))
        return made

    def _item(self, index: int) -> list[Item]:
        segment = self._segments[index]
        if isinstance(segment, Gap):
            return [segment]
        if isinstance(segment, list):
            return clean(segment, self._room)
        if index in self._hidden:
            return [Gap(pictures=len(self._hidden))] if index == self._hidden[0] else []
        if self._pictures and forms.names_a_plot(segment):
            return []
        return forms.best(segment, self._prefer, self._longest, self._room)

    def _gap(self, index: int) -> Gap:
        segment = self._segments[index]
        if isinstance(segment, Gap):
            return segment
        if isinstance(segment, list):
            return Gap(sum(map(len, segment)))
        if index in self._hidden:
            return Gap(pictures=len(self._hidden) if index == self._hidden[0] else 0)
        return Gap(0 if index in self._pictures else len(forms.plain(segment)))


def _segments(execution: Execution) -> Iterator[_Segment]:
    logs = execution.logs
    outputs = execution.outputs
    if not outputs:  # an Execution that was built by hand may have logs and results alone
        outputs = [*logs.stdout, *logs.stderr, *execution.result]
    index, omitted = execution._omitted  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if not omitted:
        yield from _runs(outputs)
        return
    yield from _runs(outputs[:index])
    yield Gap(bytes=omitted)
    yield from _runs(outputs[index:])


def _runs(outputs: Iterable[OutputMessage | Result]) -> Iterator[list[str] | Result]:
    texts: list[str] = []
    is_error: bool | None = None
    for output in outputs:  # a million of them take less in this plain loop than in `groupby`
        if isinstance(output, OutputMessage):
            if output.is_error is not is_error:
                if texts:
                    yield texts
                texts, is_error = [], output.is_error
            texts.append(output.text)
        else:
            if texts:
                yield texts
            texts, is_error = [], None
            yield forms.with_bundle(output)
    if texts:
        yield texts
