"""Pictures for a model: of a type and a size that models' APIs take.

One picture that an API cannot read makes it refuse the whole request. So a picture's type and size
come from its own header, not from what the kernel says, and a file that was cut short is not passed
on.
"""

import base64
import binascii
import io
import struct
import warnings
from typing import Any, Final

from code_interpreter._output.parts import ImagePart, ImageType

BYTES: Final = 3_750_000
"""Bytes of a picture at most: five million as base64."""
_READ: Final = 40_000_000  # characters of base64 that are decoded
_AREA: Final = 40_000_000  # pixels that are scaled down: 160 MB while that is done
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"IEND\xaeB`\x82"
# Markers of JPEG (ITU T.81, table B.1) that begin a frame: SOF0 to SOF15, but DHT, JPG and DAC.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture(value: Any, longest: int) -> ImagePart | str | None:
    """Return the picture of a base64 string.

    Args:
        value: What a bundle has.
        longest: Pixels of its longer side at most.

    Returns:
        The picture; words in its place if it is too large; None if it is none.
    """
    if not isinstance(value, str):
        return None
    if len(value) > _READ:
        return f"[A picture was left out: it is too large ({len(value) * 3 // 4:,} bytes).]\n"
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    found = _header(data)
    if found is None:
        return None
    kind, width, height = found
    if max(width, height) <= longest and len(data) <= BYTES:
        return ImagePart(data, kind, width, height)
    small = _scaled(data, longest) if width * height <= _AREA else None
    return small or (
        f"[A picture of {width} x {height} pixels, {len(data):,} bytes, was left out: it is too"
        f" large. At most {longest} x {longest} pixels and {BYTES:,} bytes can be shown.]\n"
    )


def _header(data: bytes) -> tuple[ImageType, int, int] | None:
    """Return the type, width and height of a whole file, or None."""
    kind: ImageType
    width = height = 0
    if data.startswith(_PNG) and _PNG_END in data[-64:]:
        kind = "image/png"
        width, height = _number(data, 16, 4, "big"), _number(data, 20, 4, "big")
    elif data[:6] in {b"GIF87a", b"GIF89a"} and data.endswith(b"\0;"):
        kind = "image/gif"
        width, height = _number(data, 6, 2), _number(data, 8, 2)
    elif data.startswith(b"\xff\xd8") and b"\xff\xd9" in data[-1024:]:
        kind = "image/jpeg"
        width, height = _jpeg_size(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP" and _number(data, 4, 4) <= len(data) - 8:
        kind = "image/webp"
        width, height = _webp_size(data)
    else:
        return None
    return (kind, width, height) if width and height else None


def _number(data: bytes, start: int, size: int, order: Any = "little") -> int:
    return int.from_bytes(data[start : start + size], order)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while data[at : at + 1] == b"\xff" and len(data) > at + 9:
        marker = data[at + 1]
        if marker in _FRAMES:
            return _number(data, at + 7, 2, "big"), _number(data, at + 5, 2, "big")
        at += 1 if marker == 0xFF else 2 + _number(data, at + 2, 2, "big")  # noqa: PLR2004  # fill
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            return _number(data, 24, 3) + 1, _number(data, 27, 3) + 1
        case b"VP8L":
            bits = _number(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _number(data, 26, 2) & 0x3FFF, _number(data, 28, 2) & 0x3FFF
        case _:
            return 0, 0


def _scaled(data: bytes, longest: int) -> ImagePart | None:
    """Return a smaller picture; None without Pillow, and for what Pillow cannot read."""
    try:
        from PIL import Image  # noqa: PLC0415  # of the extra [images]
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _AREA is our limit
            image: Image.Image = Image.open(io.BytesIO(data))
            kind: ImageType = "image/jpeg" if image.format == "JPEG" else "image/png"
            image.draft("RGB", (longest, longest))  # of JPEG, less is read
            clear = "A" in image.mode or "transparency" in image.info
            image = image.convert("RGBA" if clear else "RGB")
            image.thumbnail((longest, longest))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError):
        return None
    while len(content := _encoded(image, kind)) > BYTES:
        if kind == "image/jpeg":
            image.thumbnail((max(image.width // 2, 1), max(image.height // 2, 1)))
        elif image.mode == "RGBA":  # JPEG has no transparency
            page = Image.new("RGB", image.size, "white")
            page.paste(image, mask=image)
            image = page
        kind = "image/jpeg"
    return ImagePart(content, kind, image.width, image.height)


def _encoded(image: Any, kind: ImageType) -> bytes:
    file = io.BytesIO()
    image.save(file, kind.removeprefix("image/"), compress_level=1)  # three times as fast as 6
    return file.getvalue()
