"""What a program asks of the proxy, and what the origin is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.local.network.request import (
    LONGEST_HEAD,
    BadRequestError,
    Request,
    cut,
    read,
)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_tunnel_is_asked_for() -> None:
    assert read(head("CONNECT example.com:443 HTTP/1.1", "Host: evil")) == Request(
        "example.com", 443, None
    )
    assert read(head("CONNECT [::1]:8 HTTP/1.0")) == Request("::1", 8, None)


def test_plain_http_is_sent_on_as_to_an_origin() -> None:
    asked = read(
        head(
            "GET http://Example.com:8080/a?b=c HTTP/1.1",
            "Host: evil.example",
            "Accept: */*",
            "Proxy-Authorization: Basic xyz",
            "Proxy-Connection: keep-alive",
            "Proxy-Anything: x",
            "Connection: keep-alive, X-Hop",
            "X-Hop: 1",
            "Content-Length: 3",
        )
    )
    assert (asked.host, asked.port) == ("Example.com", 8080)
    assert asked.head == head(
        "GET /a?b=c HTTP/1.1",
        "Host: Example.com:8080",
        "Accept: */*",
        "Content-Length: 3",
        "Connection: close",
    )


@pytest.mark.parametrize(
    ("url", "path"),
    [("http://a", "/"), ("http://a?b", "/?b"), ("HTTP://a:/", "/"), ("http://[::1]/x", "/x")],
)
def test_a_path_is_never_empty(url: str, path: str) -> None:
    asked = read(head(f"GET {url} HTTP/1.1"))
    assert asked.port == 80
    assert asked.head is not None
    assert asked.head.startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_a_plain_web_socket_stays_one() -> None:
    asked = read(head("GET http://a/ HTTP/1.1", "Connection: upgrade", "Upgrade: WebSocket"))
    assert asked.head == head(
        "GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"
    )


@pytest.mark.parametrize(
    "lines",
    [
        *(["GET / HTTP/1.1"], ["GET https://a/ HTTP/1.1"], ["GET ftp://a/ HTTP/1.1"], [""]),
        *(["CONNECT a HTTP/1.1"], ["CONNECT a: HTTP/1.1"], ["CONNECT a:0 HTTP/1.1"]),
        *(["CONNECT a:65536 HTTP/1.1"], ["CONNECT u@a:1 HTTP/1.1"], ["CONNECT ::1:1 HTTP/1.1"]),
        *(["CONNECT [a]:1 HTTP/1.1"], ["CONNECT a:1/x HTTP/1.1"], ["CONNECT a:1 HTTP/2"]),
        *(["CONNECT a:1 b HTTP/1.1"], ["CONNECT a:1"], ["connect a:1 HTTP/1.1"]),
        *(["GET http:///x HTTP/1.1"], ["GET http://a#@b/ HTTP/1.1"], ["GET http://a/#b HTTP/1.1"]),
        *(["GET http://a/ HTTP/1.1", " folded: x"], ["GET http://a/ HTTP/1.1", "no colon"]),
        *(["GET http://a/ HTTP/1.1", "a : b"], ["GET http://a/ HTTP/1.1", "a: b\0"]),
        *(["GET http://a/ HTTP/1.1", "a: b\nHost: c"], ["GET http://a/\x7f HTTP/1.1"]),
        ["GET http://u:p@a/ HTTP/1.1"],
    ],
)
def test_what_is_malformed_goes_nowhere(lines: list[str]) -> None:
    with pytest.raises(BadRequestError):
        read(head(*lines))


def test_a_head_is_cut_off_where_it_ends() -> None:
    assert cut(b"GET") is None
    assert cut(b"a\r\n\r\nrest\r\n\r\n") == (b"a\r\n\r\n", b"rest\r\n\r\n")
    with pytest.raises(BadRequestError, match="too long"):
        cut(b"x" * LONGEST_HEAD)


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_no_bytes_break_it(target: bytes, fields: bytes) -> None:
    for first in (b"CONNECT %s HTTP/1.1", b"GET http://%s HTTP/1.1", b"%s"):
        try:
            asked = read(first % target + b"\r\n" + fields + b"\r\n\r\n")
        except BadRequestError:
            continue
        assert asked.host
        assert 0 < asked.port < 65536
        if asked.head is not None:
            assert asked.head.count(b"\r\n\r\n") == 1
            assert asked.head.lower().count(b"\r\nhost:") == 1
