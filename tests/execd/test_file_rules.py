"""What requests about files mean: no server, no file."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.execd.clock import rfc3339
from code_interpreter.execd.files import rules
from code_interpreter.execd.files.glob import matcher
from code_interpreter.execd.refusals import ApiError


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces: list[bytes] = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(
    data=st.text("ab\n", max_size=40).map(str.encode),
    old=st.text("ab", min_size=1, max_size=4).map(str.encode),
    new=st.binary(max_size=3),
    sizes=st.lists(st.integers(0, 6), max_size=12),
)
def test_replacing_in_pieces_is_replacing_in_the_whole(
    data: bytes, old: bytes, new: bytes, sizes: list[int]
) -> None:
    replacing = rules.Replacing(old, new)
    assert b"".join(replacing.pieces(cut(data, sizes))) == data.replace(old, new)
    assert replacing.count == data.count(old)


@given(
    data=st.text("ab\n", max_size=40).map(str.encode),
    first=st.integers(1, 12),
    count=st.none() | st.integers(1, 12),
    sizes=st.lists(st.integers(0, 6), max_size=12),
)
def test_lines_in_pieces_are_the_lines_of_the_whole(
    data: bytes, first: int, count: int | None, sizes: list[int]
) -> None:
    lines = data.split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    wanted = whole[first - 1 :][:count]
    got = rules.line_pieces(cut(data, sizes), first=first, count=count)
    assert b"".join(got) == b"".join(wanted)


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-6", 2, 5),
        ("bytes=2-600", 2, 15),
        ("bytes=3-", 3, 14),
        ("bytes=-5", 12, 5),
        ("bytes=-500", 0, 17),
        ("Bytes= 1-2 ", 1, 2),
        (f"bytes=0-{10**17}", 0, 17),
    ],
)
def test_a_range_means_these_bytes_of_seventeen(header: str, start: int, length: int) -> None:
    assert rules.read_range(header, 17) == rules.ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=6-2"),
        *("bytes=0-1,3-4", "bytes=٣-٤", "bytes=0--1", f"bytes={10**20}-"),
    ],
)
def test_a_range_that_is_not_understood_is_passed_over(header: str) -> None:
    assert rules.read_range(header, 17) is None


@pytest.mark.parametrize(("header", "size"), [("bytes=17-", 17), ("bytes=-0", 17), ("bytes=0-", 0)])
def test_a_range_outside_of_the_file_is_refused(header: str, size: int) -> None:
    with pytest.raises(ApiError) as caught:
        rules.read_range(header, size)
    assert caught.value.status == 416
    assert caught.value.headers == {"content-range": f"bytes */{size}"}


@pytest.mark.parametrize(
    ("mode", "bits"), [(755, 0o755), (0, 0), (7, 7), (1777, 0o1777), (7777, 0o7777)]
)
def test_a_mode_is_octal_digits_in_a_decimal_number(mode: int, bits: int) -> None:
    assert rules.read_mode(mode) == bits
    assert rules.show_mode(bits) == int(f"{bits & 0o777:o}")


@pytest.mark.parametrize("mode", [-1, 8, 789, 10000, 493_000])
def test_other_numbers_are_no_modes(mode: int) -> None:
    with pytest.raises(ApiError, match="octal digits"):
        rules.read_mode(mode)


@pytest.mark.parametrize(
    ("path", "absolute"),
    [
        ("/a/b", "/a/b"),
        ("a/b", "/work/a/b"),
        (".", "/work"),
        ("../x", "/x"),
        ("/a/../../b/", "/b"),
        ("~", "/home/me"),
        ("~/a", "/home/me/a"),
        ("~other", "/work/~other"),
        ("a/~", "/work/a/~"),
        (" ", "/work/ "),
    ],
)
def test_a_path_leads_somewhere(path: str, absolute: str) -> None:
    assert rules.resolve(path, base="/work", home="/home/me") == absolute


@pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
def test_some_texts_are_no_paths(path: str) -> None:
    with pytest.raises(ApiError, match="a path must") as caught:
        rules.resolve(path, base="/work", home="/home/me")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**", "a"),
        ("**", "a/b/c"),
        ("*.py", "a.py"),
        ("*.py", "deep/er/a.py"),
        ("**/*.py", "a.py"),
        ("**/*.py", "deep/er/a.py"),
        ("src/*.py", "src/a.py"),
        ("src/**", "src/a/b"),
        ("**/er/*.py", "deep/er/a.py"),
        ("a?c", "abc"),
        ("[a-c]x", "bx"),
        ("[!a-c]x", "dx"),
        ("[]]x", "]x"),
        ("[a-]", "-"),
        ("[\\]]", "]"),
        ("{a,b}.{txt,md}", "b.md"),
        ("a,b", "a,b"),
        ("}", "}"),
        ("\\*", "*"),
        ("a.b(c)+", "a.b(c)+"),
        ("*", ".hidden"),
        ("é*", "élan\nvital"),
    ],
)
def test_a_pattern_means_a_file(pattern: str, path: str) -> None:
    assert matcher(pattern)(path, path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.py", "a.pyc"),
        ("src/*.py", "src/deep/a.py"),
        ("src/*.py", "a.py"),
        ("a?c", "a/c"),
        ("[!x]b", "a/b/b/"),
        ("[^a-c]x", "bx"),
        ("a.c", "abc"),
        ("\\*", "a"),
        ("{a,b}", "ab"),
        ("", "a"),
    ],
)
def test_a_pattern_does_not_mean_a_file(pattern: str, path: str) -> None:
    assert not matcher(pattern)(path, path.rpartition("/")[2])


@pytest.mark.parametrize("pattern", ["[", "[a", "{a", "{a,{b}", "a\\", "[z-a]", "[]"])
def test_an_unfinished_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError, match="invalid pattern") as caught:
        matcher(pattern)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 500 + "b", "a" * 4000),
        ("**a" * 500 + "b", "a/" * 2000),
        ("**/" * 1000 + "b", "a/" * 2000),
        ("{a,aa}" * 500 + "b", "a" * 4000),
        ("?*" * 2000, "a" * 1000),
    ],
)
def test_no_pattern_takes_its_time(pattern: str, name: str) -> None:
    assert not matcher(pattern)(name, name)  # by going back at each star, years


def test_a_pattern_longer_than_any_path_is_refused() -> None:
    with pytest.raises(ApiError, match="4096 characters at most"):
        matcher("a" * 4097)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_pattern_matches_or_is_refused(pattern: str, name: str) -> None:
    with contextlib.suppress(ApiError):
        assert matcher(pattern)(name, name) in {True, False}


@given(st.text(max_size=30))
def test_an_escaped_name_means_itself(name: str) -> None:
    escaped = re.sub(r"([\\*?\[\]{},])", r"\\\1", name)
    assert matcher(escaped)(name, name)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_795_423_063_844_092_203, "2026-11-23T08:37:43.844092203Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (10**30, "9999-12-31T23:59:59.000000000Z"),
        (-(10**30), "0001-01-01T00:00:00.000000000Z"),
    ],
)
def test_times_have_nine_digits(nanoseconds: int, text: str) -> None:
    assert rfc3339(nanoseconds) == text


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ("ü.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt"),
        ('a"\r\nb', "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%0D%0Ab"),
        ("\udcff", "attachment; filename=\"_\"; filename*=UTF-8''%EF%BF%BD"),
    ],
)
def test_a_download_is_named_without_harm(name: str, header: str) -> None:
    assert rules.attachment(name) == header
