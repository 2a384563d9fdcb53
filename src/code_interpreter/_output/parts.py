"""The parts in which a model reads an execution: what `Execution.render` gives."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ImageType: TypeAlias = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text for a model: never blank, without terminal codes and other control characters.

    Attributes:
        text: The text; tables in it are Markdown.
        type: `"text"`.
    """

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture for a model.

    Attributes:
        data: The file's bytes.
        mime_type: What they are, by their own header.
        width: In pixels.
        height: In pixels.
        type: `"image"`.
    """

    data: bytes = field(repr=False)
    mime_type: ImageType
    width: int
    height: int
    type: Literal["image"] = "image"


Part: TypeAlias = TextPart | ImagePart
