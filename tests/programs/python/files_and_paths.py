import pathlib
import shutil
import tempfile

folder = pathlib.Path(tempfile.mkdtemp())
(folder / "sub").mkdir()
(folder / "a.txt").write_text("one\ntwo\n")
(folder / "sub" / "b.txt").write_bytes(b"\x00\xff")
for path in sorted(folder.rglob("*")):
    print(path.relative_to(folder), path.is_dir() or path.stat().st_size)
with open(folder / "a.txt") as lines:
    print([line.strip() for line in lines])
shutil.rmtree(folder)
try:
    open(folder / "a.txt")
except FileNotFoundError as error:
    print(type(error).__name__, error.errno)
