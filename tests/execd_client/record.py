"""Records the tour in cassettes; scripts/record.sh starts it.

What must stay true: a cassette names neither the machine that it was recorded on nor the server,
and holds nothing that gives access. So it has only those headers that the client reads or sends
for a purpose, and wherever else the value of an access header or the server's address stands,
something else is put in its place. Nothing is written before the whole tour was made.
"""

import argparse
import contextlib
import importlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
import yaml
from execd_client import Client, errors
from execd_client.streaming import FrameDecoder

from tests.execd_client.tour import ROOT, Call, Ids, tour

VCR: Any = importlib.import_module("vcr").VCR  # no types come with it
OUTPUT = Path(__file__).parents[1] / "recordings" / "local"
HOST = "execd.invalid"  # a name that never resolves
ENDLESS = "/metrics/watch"
HEADERS = {
    "accept-ranges",
    "content-disposition",
    "content-range",
    "content-type",
    "execd-commands-tail-cursor",
    "range",
    "retry-after",
}
BOUNDARY = "boundary-of-the-tour"
# What is shorter also stands in places that have nothing to do with an access header.
SHORTEST_SECRET = 8

# vcrpy puts its own in its place while it records.
_send = httpx.HTTPTransport.handle_request


class _Beginning(httpx.SyncByteStream):
    """The first two events of a body that never ends."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        decoder = FrameDecoder()
        events = 0
        for chunk in self._stream:
            yield chunk
            events += len(decoder.feed(chunk))
            if events >= 2 and not decoder.unfinished:
                return

    def close(self) -> None:
        self._stream.close()


class _Wire(httpx.HTTPTransport):
    """The network. vcrpy reads each body to its end, so what ends one is beneath vcrpy."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = _send(self, request)
        if request.url.path.endswith(ENDLESS):
            response.stream = _Beginning(cast("httpx.SyncByteStream", response.stream))
        return response


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


class _Publishable:
    """Writes cassettes without what must not be published; a serializer, as vcrpy has them.

    Args:
        base: The server's URL.
        headers: The headers that give access.
        root: The directory of the tour's files.
    """

    def __init__(self, base: httpx.URL, headers: Iterable[tuple[str, str]], root: str) -> None:
        self._path = base.path.rstrip("/")
        origin = f"{base.scheme}://{base.netloc.decode()}"
        self._replacements = [
            # A path can be quoted; its last part is the same in any case.
            (PurePosixPath(root).name, PurePosixPath(ROOT).name),
            (f"{origin}{self._path}", f"http://{HOST}"),
            (origin, f"http://{HOST}"),
        ]
        if base.port is not None:
            self._replacements.append((base.netloc.decode(), HOST))
        secrets = {secret for _, value in headers for secret in _secrets(value)}
        # A secret that is a part of another one comes behind it.
        ordered = sorted(secrets, key=lambda secret: (-len(secret), secret))
        self._replacements += [(secret, "REDACTED") for secret in ordered]

    def serialize(self, cassette: dict[str, Any]) -> str:
        for interaction in cassette["interactions"]:
            request, response = interaction["request"], interaction["response"]
            content_type = request["headers"].get("content-type", [""])[0]
            boundary = content_type.partition("boundary=")[2] or BOUNDARY
            for message in (request, response):
                message["headers"] = {
                    name.lower(): [self._cleaned(value, (boundary, BOUNDARY)) for value in values]
                    for name, values in sorted(message["headers"].items())
                    if name.lower() in HEADERS
                }
            target = httpx.URL(request["uri"]).raw_path.decode().removeprefix(self._path)
            request["uri"] = f"http://{HOST}{self._cleaned(target)}"
            request["body"] = self._cleaned(request["body"], (boundary, BOUNDARY))
            response["status"]["message"] = self._cleaned(response["status"]["message"])
            response["body"]["string"] = self._cleaned(response["body"]["string"])
        return yaml.dump(cassette, Dumper=_Dumper, sort_keys=False, width=float("inf"))

    def _cleaned(self, text: Any, *more: tuple[str, str]) -> Any:
        for old, new in (*more, *self._replacements):
            if isinstance(text, str):
                text = text.replace(old, new)
            else:
                text = text.replace(old.encode(), new.encode())
        return text


def _secrets(value: str) -> Iterator[str]:
    """What an access header's value gives away, however it may be written in an answer."""
    for part in (value, *re.split(r"[\s,;]+", value)):
        for secret in (part, part.partition("=")[2]):
            if len(secret) >= SHORTEST_SECRET:
                yield from (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1])


def _make(client: Client, call: Call, ids: Ids) -> int:
    """Make a call.

    Returns:
        The status of the answer.
    """
    try:
        answer = call.operation.sync_detailed(client=client, **ids.arguments(call))
    except errors.UnexpectedStatus as error:
        return error.status_code
    except errors.StreamError:
        return 200  # or there would be no stream
    ids.learn(call, answer.parsed)
    return int(answer.status_code)


def _walk(client: Client, calls: Sequence[Call]) -> None:
    ids = Ids()
    rest = iter(calls)
    try:
        for call in rest:
            status = _make(client, call, ids)
            print(status, *call.operation.__name__.split(".")[-2:], flush=True)
            if status == 401:
                sys.exit("record.sh: the server wants a header that gives access: --header")
    except BaseException:
        for call in rest:
            if re.search("delete|remove", call.operation.__name__):
                with contextlib.suppress(Exception):
                    _make(client, call, ids)
        raise


def record(url: str, output: Path, headers: Sequence[tuple[str, str]]) -> None:
    """Make the tour and write its cassettes.

    Args:
        url: The server.
        output: Where the cassettes go.
        headers: What gives access.
    """
    root = f"{ROOT}-{uuid4().hex}"  # nobody else's, and ROOT in the cassettes
    recorder = VCR(record_mode="all", decode_compressed_response=True)
    recorder.register_serializer("publishable", _Publishable(httpx.URL(url), headers, root))
    output.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=output) as made,
        _Wire() as wire,
        # vcrpy records this class, which has the wire for its handler.
        httpx.Client(
            transport=httpx.MockTransport(wire.handle_request),
            base_url=url,
            headers=[*headers, ("Accept-Encoding", "identity")],
            timeout=120,
        ) as http,
    ):
        client = Client(url).set_httpx_client(http)
        for tag, calls in tour(root).items():
            cassette = f"{made}/{tag}.yaml"
            options = {"serializer": "publishable", "record_on_exception": False}
            with recorder.use_cassette(cassette, **options):
                _walk(client, calls)
        for path in Path(made).iterdir():
            path.replace(output / path.name)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not (colon and name.strip()):
        raise argparse.ArgumentTypeError("a header is written as 'Name: value'")
    return name.strip(), value.strip()


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise argparse.ArgumentTypeError("a URL is http(s)://HOST[:PORT][/PATH]")
    return text


def main() -> None:
    """Read the arguments and record."""
    parser = argparse.ArgumentParser(prog="record.sh", description="Record the tour.")
    parser.add_argument("url", type=_url, help="base URL of the server")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the cassettes go")
    parser.add_argument(
        "--header", type=_header, action="append", default=[], help="'Name: value', for access"
    )
    arguments = parser.parse_args()
    lines = os.environ.get("EXECD_HEADERS", "").splitlines()
    try:
        given = [_header(line) for line in lines if line.strip()]
        record(arguments.url, arguments.output, [*given, *arguments.header])
    except argparse.ArgumentTypeError as error:
        parser.error(f"EXECD_HEADERS: {error}")
    except httpx.TransportError as error:
        sys.exit(f"record.sh: no answer from the server: {error!r}")


if __name__ == "__main__":
    main()
