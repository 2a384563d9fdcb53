"""Patches apply exactly, or not at all; and ours apply to the sources that they were made for."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_interpreter.kernels import patches
from code_interpreter.kernels.go import build
from code_interpreter.kernels.patches import FilePatch, PatchError, parse

OLD = "".join(f"line {number}\n" for number in range(1, 31))
PATCH = """\
Why this is changed.

--- a/some/file.go
+++ b/some/file.go
@@ -2,5 +2,6 @@ func context()
 line 2
 line 3
-line 4
+LINE 4
+and more
 line 5
 line 6
@@ -20,3 +21,2 @@
 line 20
-line 21
 line 22
"""
NEW = OLD.replace("line 4\n", "LINE 4\nand more\n").replace("line 21\n", "")


def one(patch: str) -> FilePatch:
    (change,) = parse(patch, "0001.patch")
    return change


def test_a_patch_changes_what_it_says_and_nothing_else() -> None:
    change = one(PATCH)
    assert change.file == "some/file.go"
    assert change.applied_to(OLD) == NEW


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (OLD.replace("line 3", "line three"), r"line 3 should be 'line 3\\n', but is 'line three"),
        (OLD.replace("line 22", "line 22 "), "hunk 2 does not apply: line 22 should be"),
        ("an added line\n" + OLD, "hunk 1 does not apply: line 2 should be"),
        (OLD[: OLD.index("line 22")], "hunk 2 .* but the file ends"),
        (OLD.replace("\n", "\r\n"), "hunk 1 does not apply"),
        (NEW, "hunk 1 does not apply"),
        ("", "hunk 1 .* but the file ends"),
    ],
)
def test_another_source_is_refused_by_the_name_of_file_and_hunk(source: str, message: str) -> None:
    with pytest.raises(
        PatchError, match=rf"0001\.patch: some/file\.go, {message}|{message}"
    ) as told:
        one(PATCH).applied_to(source)
    assert str(told.value).startswith("0001.patch: some/file.go, hunk ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@@ -2,5 +2,6 @@", "@@ -2,6 +2,7 @@", "hunk 1 has 5 old and 6 new lines"),
        ("@@ -2,5 +2,6 @@", "@@ -2,4 +2,5 @@", "does not name one file"),
        ("@@ -20,3 +21,2 @@", "@@ -4,3 +5,2 @@", "hunk 2 overlaps"),
        ("@@ -20,3 +21,2 @@", "@@ -20,3 +20,2 @@", "hunk 2 .* header names the wrong lines"),
        ("@@ -20,3 +21,2 @@", "@@ twenty @@", "does not name one file"),
        (" line 3\n", "\n", "hunk 1 has 1 old and 1 new lines"),
        (" line 3\n", "line 3\n", "hunk 1 has 1 old and 1 new lines"),
        ("+++ b/some", "+++ b/other", "does not name one file"),
        ("+++ b/some/file.go\n", "", "does not name one file"),
        (PATCH[PATCH.index("@@") :], "", "some/file.go has no hunk"),
        (PATCH[PATCH.index("---") :], "", "changes no file"),
    ],
)
def test_what_is_no_unified_diff_is_refused(old: str, new: str, message: str) -> None:
    assert old in PATCH
    with pytest.raises(PatchError, match=message):
        one(PATCH.replace(old, new)).applied_to(OLD)


def test_the_end_of_a_file_counts() -> None:
    change = one("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n")
    assert change.applied_to("a\nb") == "a\nc\n"
    with pytest.raises(PatchError, match="line 2"):
        change.applied_to("a\nb\n")


def test_several_patches_apply_one_after_the_other_or_none_at_all(tmp_path: Path) -> None:
    root, first, second = tmp_path / "root", tmp_path / "0001.patch", tmp_path / "0002.patch"
    (root / "some").mkdir(parents=True)
    file = root / "some" / "file.go"
    file.write_text(OLD)
    first.write_text(PATCH)
    second.write_text(PATCH)
    with pytest.raises(PatchError, match=r"0002\.patch: some/file\.go, hunk 1"):
        patches.apply([first, second], root)
    assert file.read_text() == OLD
    second.write_text("--- a/some/file.go\n+++ b/some/file.go\n@@ -5 +5 @@\n-and more\n+and less\n")
    patches.apply([first, second], root)
    assert file.read_text() == NEW.replace("more", "less")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    patch = tmp_path / "0001.patch"
    patch.write_text(PATCH)
    with pytest.raises(PatchError, match=r"0001\.patch: some/file\.go is missing"):
        patches.apply([patch], tmp_path)


TEXTS = st.lists(st.sampled_from(["a", "b", "--- a/f", "@@ -1 +1 @@", "", "\r", "\x0c", "\u2028"]))


def diff(old: str, new: str, context: int) -> str:
    """The unified diff of two texts, as `diff -u` writes it."""

    def lines(text: str) -> list[str]:
        return text.replace("\n", "\n\0").rstrip("\0").split("\0") if text else []

    marked = (
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(lines(old), lines(new), "a/f", "b/f", n=context)
    )
    return "".join(marked)


@given(TEXTS, TEXTS, st.sampled_from(["", "\n"]), st.integers(0, 4))
def test_a_difference_that_is_applied_gives_the_new_text(
    old_lines: list[str], new_lines: list[str], end: str, context: int
) -> None:
    old, new = "\n".join(old_lines), "\n".join(new_lines) + end
    if patch := diff(old, new, context):
        assert one(patch).applied_to(old) == new


@pytest.mark.parametrize("patch", build.PATCHES, ids=lambda patch: patch.name)
def test_each_patch_of_gonb_says_why_it_is_there(patch: Path) -> None:
    text = patch.read_text()
    assert parse(text, patch.name)
    assert len(text.partition("---")[0].split()) > 10
