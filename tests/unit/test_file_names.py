"""A file's name stands for one room: whoever reads it in a traceback knows where it is."""

from collections import Counter
from pathlib import Path

import code_interpreter

ROOT = Path(code_interpreter.__file__).parent
# The reference SDK's import paths, and what is made from `_async`.
APART = {"models", "services", "sync", "_sync"}


def test_no_two_rooms_have_a_file_of_the_same_name() -> None:
    paths = [path.relative_to(ROOT) for path in ROOT.rglob("*.py")]
    names = Counter(
        path.name
        for path in paths
        if path.parts[0] not in APART and path.name not in {"__init__.py", "__main__.py"}
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_the_blocking_client_has_the_files_of_the_other() -> None:
    mirror = [{path.name for path in (ROOT / room).glob("*.py")} for room in ("_async", "_sync")]
    assert mirror[0] == mirror[1] != set()
