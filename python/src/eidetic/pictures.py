"""Pictures and the other things that can be searched with, in whatever form they are at hand."""

from __future__ import annotations

import base64
import io
import os
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Optional, Sequence, Tuple, Union

from .exchange import document
from .steps import Offload, Op

if TYPE_CHECKING:
    import numpy
    import numpy.typing
    import PIL.Image

    Array = numpy.typing.NDArray[numpy.uint8]
    Pillow = PIL.Image.Image


@dataclass(frozen=True)
class ServerFile:
    """A picture that lies on the server: a path under its allowed folders."""

    path: str


# A path; a str that begins with http:, https: or data: is a URL instead, fetched by the server. Encoded bytes, or a
# file
# object to read them from. A PIL image, or a NumPy array of uint8 (H x W, H x W x 3 or H x W x 4), sent as PNG.
PictureLike = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, ServerFile, "Pillow", "Array"]

# x, y, width, height: pixels; or, where width and height are at most 1, fractions of the picture.
Crop = Tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """A picture as one of several terms of a query. A negative weight: less like this."""

    source: PictureLike
    weight: float = 1.0
    crop: Optional[Crop] = None


@dataclass(frozen=True)
class ItemRef:
    """An item of the collection as a term of a query, by its id; with a crop, that part of its picture."""

    id: str
    weight: float = 1.0
    crop: Optional[Crop] = None


@dataclass(frozen=True)
class Text:
    """Words as a term of a query, for models with a text tower."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Vector:
    """A vector as a term of a query, or in place of a picture to be added: any sequence of numbers, also of NumPy."""

    values: Sequence[float]
    weight: float = 1.0

    def floats(self) -> Sequence[float]:
        return [float(value) for value in self.values]

    def packed(self) -> bytes:
        """32-bit floats, little-endian."""
        return struct.pack(f"<{len(self.values)}f", *self.floats())


Term = Union[Picture, ItemRef, Text, Vector]
QueryLike = Union[PictureLike, Term, Sequence[Union[PictureLike, Term]]]


@dataclass(frozen=True)
class Source:
    """A picture as it goes over the wire: its bytes, or where the server finds them."""

    name: str = ""  # of the file, "" where there is none
    data: Optional[bytes] = None
    uri: str = ""

    def fields(self) -> Dict[str, str]:
        """Its fields of a JSON document."""
        return {"uri": self.uri} if self.data is None else {"base64": base64.b64encode(self.data).decode()}


def load(picture: PictureLike) -> Op[Source]:
    """Reads or encodes a picture. Raises OSError for a file that cannot be read, TypeError for what is no picture."""
    if isinstance(picture, ServerFile):
        return Source(uri=picture.path)
    if isinstance(picture, str) and re.match(r"(https?|data):", picture, re.IGNORECASE):
        return Source(uri=picture)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return Source(data=bytes(picture))
    source: Source = yield Offload(lambda: _read(picture))
    return source


def _read(picture: Any) -> Source:
    if isinstance(picture, (str, os.PathLike)):
        path = Path(picture)
        return Source(path.name, path.read_bytes())
    # Who has such an object has imported its library: neither is imported here, where it is not needed.
    if (numpy := sys.modules.get("numpy")) and isinstance(picture, numpy.ndarray):
        return Source(data=_png(_image_of(picture)))
    if (pillow := sys.modules.get("PIL.Image")) and isinstance(picture, pillow.Image):
        return Source(data=_png(picture))
    if hasattr(picture, "read"):
        data = picture.read()
        if not isinstance(data, bytes):
            raise TypeError("a file object must be opened in binary mode")
        return Source(data=data)
    raise TypeError(f"not a picture: {type(picture).__name__}; give a path, URL, bytes, file, PIL image or NumPy array")


def _image_of(array: Array) -> Pillow:
    if str(array.dtype) != "uint8" or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise TypeError(
            f"an array of {array.dtype} and shape {array.shape} is no picture: it must be uint8, H x W, H x W x 3 or"
            " H x W x 4 (for a vector, write Vector(array))"
        )
    from PIL import Image

    return Image.fromarray(array)


def _png(image: Pillow) -> bytes:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)  # PNG would not carry the orientation on
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def crop_document(crop: Optional[Crop]) -> Optional[Dict[str, float]]:
    return None if crop is None else dict(zip(("x", "y", "width", "height"), crop))


def terms_of(query: QueryLike) -> Sequence[Term]:
    """A query as its terms."""
    if isinstance(query, (list, tuple)):
        return [_term(each) for each in query]
    return [_term(query)]


def _term(value: Any) -> Term:
    return value if isinstance(value, (Picture, ItemRef, Text, Vector)) else Picture(value)


def term_document(term: Term) -> Op[Dict[str, Any]]:
    """A term as JSON."""
    weight = None if term.weight == 1 else term.weight
    if isinstance(term, ItemRef):
        return document(id=term.id, crop=crop_document(term.crop), weight=weight)
    if isinstance(term, Text):
        return document(text=term.text, weight=weight)
    if isinstance(term, Vector):
        return document(vector=term.floats(), weight=weight)
    source = yield from load(term.source)
    return document(**source.fields(), crop=crop_document(term.crop), weight=weight)
