"""The body of an upload: pairs of a `metadata` part and the `file` part that it describes.

Bytes go to disk as they come, so that a file of any size fits. What must stay true: no file is
changed before the whole body has come and was understood. Blocking: runs in a thread.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from code_interpreter.execd.files.files import Files, Permission, read_permission
from code_interpreter.execd.refusals import ApiError

if TYPE_CHECKING:
    from code_interpreter.execd.files.staging import Staged

# It warns of every malformed body, with bytes of it: that is for the client, and not for the log.
logging.getLogger(MultipartParser.__module__).setLevel(logging.CRITICAL)

_LONGEST_METADATA = 1024 * 1024

_Dress = Callable[[str], None]


class _Metadata(msgspec.Struct):
    path: str | None = None
    owner: str | None = None
    group: str | None = None
    mode: int | None = None


class Upload:
    """One upload; `close` it, whatever happens.

    Args:
        files: Where the content goes.
        content_type: What the request says about its body.

    Raises:
        ApiError: The body is no form.
    """

    def __init__(self, files: Files, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise invalid_file("the body must be multipart/form-data")
        self._files = files
        self._described: deque[tuple[str, _Dress]] = deque()
        self._staged: list[tuple[Staged, _Dress]] = []
        self._part = ""
        self._header = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._value = bytearray()
        self._metadata = bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise invalid_file(f"the body is not a valid form: {error}") from error

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            ApiError: They are not what an upload is made of.
            OSError: A file cannot be written.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise invalid_file(f"the body is not a valid form: {error}") from error

    def finish(self) -> None:
        """Put all files in their places.

        Raises:
            ApiError: The body ended too early.
            OSError: A file cannot be put in its place.
        """
        if not self._ended:
            raise invalid_file("the body ends before its last boundary")
        if self._described:
            raise ApiError(400, "INVALID_FILE_CONTENT", "file is missing")
        if not self._staged:
            raise _invalid_metadata("metadata file is missing")
        for staged, dress in self._staged:
            staged.commit(dress)

    def close(self) -> None:
        """Remove what is not in its place."""
        for staged, _ in self._staged:
            staged.close()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._headers.clear()
        self._part = options.get(b"name", b"").decode(errors="replace")
        if self._part == "file":
            if not self._described:
                raise _invalid_metadata("metadata file is missing: it comes before its file")
            path, dress = self._described.popleft()
            self._staged.append((self._files.stage(path), dress))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._staged[-1][0].write(memoryview(data)[start:end])
        elif self._part == "metadata":
            self._metadata += data[start:end]
            if len(self._metadata) > _LONGEST_METADATA:
                raise _invalid_metadata("the metadata is too long")

    def _on_part_end(self) -> None:
        if self._part == "metadata":
            self._described.append(self._read_metadata(bytes(self._metadata)))
            self._metadata.clear()
        self._part = ""

    def _on_end(self) -> None:
        self._ended = True

    def _read_metadata(self, data: bytes) -> tuple[str, _Dress]:
        try:
            given = msgspec.json.decode(data, type=_Metadata)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _invalid_metadata(f"invalid metadata format. {error}") from error
        if not given.path:
            raise _invalid_metadata("metadata path is empty")
        try:
            self._files.resolve(given.path)
            permission = Permission(mode=given.mode, owner=given.owner, group=given.group)
            return given.path, read_permission(permission)
        except ApiError as error:
            raise _invalid_metadata(error.message) from error


def invalid_file(message: str) -> ApiError:
    """The body of an upload is not one."""
    return ApiError(400, "INVALID_FILE", message)


def _invalid_metadata(message: str) -> ApiError:
    return ApiError(400, "INVALID_FILE_METADATA", message)
