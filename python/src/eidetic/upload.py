"""Many pictures: in batches, or a folder's files side by side."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Sized,
    Tuple,
    Union,
)

from .display import Bar
from .errors import EideticError, Forbidden, NotFound, Unauthorized, Unreachable
from .exchange import document, encode
from .handle import Handle
from .pictures import PictureLike, Vector, load
from .results import Failure, PutResult, Report, results_of
from .steps import Offload, Op, Together

PICTURES = (
    "*.jpg",
    "*.jpeg",
    "*.png",
    "*.webp",
    "*.gif",
    "*.tif",
    "*.tiff",
    "*.bmp",
    "*.pnm",
    "*.heic",
    "*.heif",
    "*.avif",
)
MetadataOf = Union[None, Mapping[str, Mapping[str, Any]], Callable[[Path], Optional[Mapping[str, Any]]]]

_BATCH_BYTES = 6 << 20  # of one request of `add_many`, so that it fits into the server's default limit
_LISTED = 1000  # items of a page


@dataclass(frozen=True)
class NewItem:
    """A picture to be added, as `Collection.add_many` takes them; see `Collection.add`."""

    picture: Union[PictureLike, Vector, None] = None
    id: Optional[str] = None
    metadata: Optional[Mapping[str, Any]] = None
    vector: Optional[Sequence[float]] = None
    exif: Optional[str] = None

    def document(self) -> Op[Dict[str, Any]]:
        """As JSON."""
        vector = None if self.vector is None else Vector(self.vector)
        fields: Dict[str, Any] = {}
        if isinstance(self.picture, Vector):
            vector = self.picture
        elif self.picture is not None:
            fields = (yield from load(self.picture)).fields()
        return document(
            **fields, id=self.id, metadata=self.metadata, vector=vector and vector.floats(), exif=self.exif
        )


def add_many(
    handle: Handle, collection: str, pictures: Iterable[Any], batch: int, progress: bool, asked: Mapping[str, str]
) -> Op[Report]:
    started, total = time.monotonic(), len(pictures) if isinstance(pictures, Sized) else 0
    results: List[Union[PutResult, Failure]] = []
    waiting: List[Tuple[int, str, bytes]] = []  # place, name and document of those of the next request

    def send() -> Op[None]:
        content = b'{"items":[' + b",".join(encoded for _, _, encoded in waiting) + b"]}"
        headers = {"Content-Type": "application/json"}
        said = yield from handle._json("POST", f"{collection}/items", content=content, headers=headers, query=asked)
        found = results_of(said["results"], [name for _, name, _ in waiting])
        for (place, _, _), result in zip(waiting, found):
            results[place] = result
        waiting.clear()

    with Bar("add", shown=progress) as bar:
        for place, given in enumerate(pictures):
            item = given if isinstance(given, NewItem) else NewItem(given)
            name = item.id or (str(item.picture) if isinstance(item.picture, (str, os.PathLike)) else f"#{place}")
            results.append(Failure(name, "internal", "not sent"))
            try:
                encoded = encode((yield from item.document()))
            except (OSError, TypeError, ValueError) as error:
                results[place] = Failure(name, "invalid_argument", str(error))
                continue
            if waiting and (len(waiting) == batch or sum(len(e) for _, _, e in waiting) + len(encoded) > _BATCH_BYTES):
                yield from send()
                bar.show(place, total or place, sum(isinstance(each, Failure) for each in results[:place]))
            waiting.append((place, name, encoded))
        if waiting:
            yield from send()
        report = Report(results, time.monotonic() - started)
        bar.show(len(results), len(results), len(report.failures))
    return report


@dataclass(frozen=True)
class Upload:
    """What `Collection.upload_folder` was asked for."""

    folder: Path
    pattern: Union[str, Sequence[str]]
    recursive: bool
    prefix: str
    concurrency: int
    retries: Optional[int]
    metadata: MetadataOf
    exif: Optional[str]
    prune: bool
    progress: bool
    on_duplicate: Optional[str] = None


@dataclass(frozen=True)
class _Known:
    """An item that is there already."""

    content_hash: str
    metadata: Mapping[str, Any]


def upload_folder(handle: Handle, collection: str, wanted: Upload) -> Op[Report]:
    started = time.monotonic()
    files: List[Tuple[str, Path]] = yield Offload(lambda: list(_files(wanted)))
    known = yield from _listed(handle, collection, wanted.prefix)
    results: List[Union[PutResult, Failure]] = []
    with Bar(f"upload {wanted.folder.name}", shown=wanted.progress) as bar:
        bar.show(0, len(files), 0)

        def each(result: Union[PutResult, Failure]) -> None:
            results.append(result)
            bar.show(len(results), len(files), sum(isinstance(one, Failure) for one in results))

        uploads = (_upload(handle, collection, wanted, id, file, known.get(id)) for id, file in files)
        yield Together(uploads, wanted.concurrency, each)
    gone = sorted(known.keys() - {id for id, _ in files}) if wanted.prune else []
    pruned = 0
    for first in range(0, len(gone), _LISTED):
        ids = gone[first : first + _LISTED]
        pruned += (yield from handle._json("POST", f"{collection}/delete", json={"ids": ids}))["deleted"]
    results.sort(key=lambda result: result.id if isinstance(result, PutResult) else result.uri)
    return Report(results, time.monotonic() - started, pruned)


def _files(wanted: Upload) -> Iterator[Tuple[str, Path]]:
    """Id and path of every file that is asked for, in order. Hidden ones are left out, as `eidetic index` does."""
    if not wanted.folder.is_dir():
        raise NotADirectoryError(f"no such folder: {wanted.folder}")
    patterns = [wanted.pattern] if isinstance(wanted.pattern, str) else list(wanted.pattern)
    for parent, folders, names in os.walk(wanted.folder):
        folders[:] = sorted(name for name in folders if wanted.recursive and not name.startswith("."))
        for name in sorted(names):
            file = Path(parent, name)
            if not name.startswith(".") and any(fnmatch.fnmatch(name.lower(), each.lower()) for each in patterns):
                yield wanted.prefix + file.relative_to(wanted.folder).as_posix(), file


def _listed(handle: Handle, collection: str, prefix: str) -> Op[Dict[str, _Known]]:
    known: Dict[str, _Known] = {}
    cursor: Optional[str] = None
    while True:
        query = {"limit": str(_LISTED), **({"cursor": cursor} if cursor else {})}
        said = yield from handle._json("GET", f"{collection}/items", query=query)
        for item in said["items"]:
            if item["id"].startswith(prefix):
                known[item["id"]] = _Known(item["content_hash"], item["metadata"])
        cursor = said["next"]
        if cursor is None:
            return known


def _upload(
    handle: Handle, collection: str, wanted: Upload, id: str, file: Path, known: Optional[_Known]
) -> Op[Union[PutResult, Failure]]:
    try:
        data: bytes = yield Offload(file.read_bytes)
        metadata = _metadata_of(wanted.metadata, id, file)
        content_hash: str = yield Offload(lambda: hashlib.sha256(data).hexdigest())
        if known is not None and known.content_hash == content_hash and _is_kept(known, metadata, wanted.exif):
            return PutResult(id, "unchanged")
        parts = {"id": id, **facts_beside(metadata, wanted.exif)}
        if wanted.on_duplicate is not None:
            parts["on_duplicate"] = wanted.on_duplicate
        said = yield from handle._json(
            "POST", f"{collection}/items", file=(file.name, data), parts=parts, retries=wanted.retries
        )
        return results_of(said["results"], [id])[0]
    except (Unauthorized, Forbidden, NotFound, Unreachable):
        raise  # would be the same for every other file
    except EideticError as error:
        return Failure(id, error.code, error.detail)
    except OSError as error:
        return Failure(id, "unavailable", str(error))


def facts_beside(metadata: Optional[Mapping[str, Any]], exif: Optional[str]) -> Dict[str, str]:
    """Fields of a form with a picture."""
    fields = {} if metadata is None else {"metadata": encode(metadata).decode()}
    return fields if exif is None else {**fields, "exif": exif}


def _is_kept(known: _Known, metadata: Optional[Mapping[str, Any]], exif: Optional[str]) -> bool:
    """Whether an item of the same picture has these facts already."""
    if exif in (None, "none") or (metadata is not None and "exif" in metadata):
        return metadata in (None, known.metadata)
    stored = known.metadata.get("exif")
    if not isinstance(stored, dict) or ("gps" in stored) != (exif == "gps"):
        return False
    return metadata in (None, {name: value for name, value in known.metadata.items() if name != "exif"})


def _metadata_of(metadata: MetadataOf, id: str, file: Path) -> Optional[Mapping[str, Any]]:
    if metadata is None:
        return None
    return metadata(file) if callable(metadata) else metadata.get(id)
