"""Packages that tests install: of files, so no network is needed."""

import io
import tarfile
import zipfile


def wheel(version: str) -> tuple[str, bytes]:
    """The name and the bytes of a package of Python, whose module is `tiny_one`."""
    content = io.BytesIO()
    info = f"tiny_one-{version}.dist-info"
    files = {
        "tiny_one.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny-one\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return f"tiny_one-{version}-py3-none-any.whl", content.getvalue()


def npm_package() -> bytes:
    """A package of npm, whose module `tiny-two` is 42."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in {
            "package/package.json": '{"name": "tiny-two", "version": "1.0.0"}',
            "package/index.js": "module.exports = 42",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()
