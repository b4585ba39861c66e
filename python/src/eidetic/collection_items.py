"""A collection's pictures: in, out, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Union

from .collection_named import J, NamedCollection
from .errors import error_of
from .exchange import document, query
from .parsing import parse
from .pictures import PictureLike, Vector, load
from .results import Facet, Item, JobInfo, PutResult, Report
from .steps import Emit, Feed, Op, feed, verb
from .upload import PICTURES, MetadataOf, NewItem, Upload, add_many, facts_beside, upload_folder


class ItemVerbs(NamedCollection[J]):
    # --- in ---

    @verb
    def add(
        self,
        picture: Union[PictureLike, Vector, None] = None,
        *,
        id: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        vector: Optional[Sequence[float]] = None,
        exif: Optional[str] = None,
        on_duplicate: Optional[str] = None,
    ) -> Op[PutResult]:
        """Adds a picture; it is durable when this returns. An id that is there is replaced.

        Args:
            picture: path, URL, bytes, file, PIL image or NumPy array; a `Vector` to add that alone, with an id.
            id: None: the SHA-256 of the picture.
            metadata: a JSON object; None: as it was, or {} of a new item.
            vector: to be stored in place of the one that the model would compute.
            exif: "camera": what the picture's EXIF says of camera, lens, time and settings becomes the field `exif` of
                its metadata; "gps": where it was taken, too. None: nothing of it.
            on_duplicate: "report": the result has `copy_of` where this is a copy of an item, an edited one too; "skip":
                and it is not stored; None: nothing is looked for.

        Raises `Corrupt` or `Unsupported` for what is no picture, `TooLarge`, `InvalidArgument`.
        """
        asked = query(on_duplicate=on_duplicate)
        if isinstance(picture, Vector) or vector is not None or picture is None:
            item = yield from NewItem(picture, id, metadata, vector, exif).document()
            said = yield from self._json("POST", f"{self._path}/items", json=item, query=asked)
        else:
            source = yield from load(picture)
            if source.data is None:
                item = yield from NewItem(picture, id, metadata, exif=exif).document()
                said = yield from self._json("POST", f"{self._path}/items", json=item, query=asked)
            else:
                parts = {**({} if id is None else {"id": id}), **facts_beside(metadata, exif), **asked}
                file = (source.name or "picture", source.data)
                said = yield from self._json("POST", f"{self._path}/items", file=file, parts=parts)
        result = said["results"][0]
        if "error" in result:
            raise error_of(result["error"]["message"], code=result["error"]["code"])
        return PutResult.of(result)

    @verb
    def add_many(
        self,
        pictures: Iterable[Union[NewItem, PictureLike, Vector]],
        *,
        batch: int = 64,
        progress: bool = False,
        on_duplicate: Optional[str] = None,
    ) -> Op[Report]:
        """Adds many pictures, each with the id and metadata of its `NewItem`. Bad ones fail alone: see the report.

        Args:
            pictures: any iterable; it is read as the work goes on.
            batch: how many go in one request, 1 to 10,000; fewer where they are large.
            progress: show a bar, where tqdm is installed.
            on_duplicate: as of `add`; of a request, earlier pictures count as items.
        """
        return (yield from add_many(self, self._path, pictures, batch, progress, query(on_duplicate=on_duplicate)))

    @verb
    def upload_folder(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        pattern: Union[str, Sequence[str]] = PICTURES,
        recursive: bool = True,
        prefix: str = "",
        metadata: MetadataOf = None,
        exif: Optional[str] = None,
        concurrency: int = 8,
        retries: Optional[int] = None,
        prune: bool = False,
        progress: bool = True,
        on_duplicate: Optional[str] = None,
    ) -> Op[Report]:
        """Makes the collection hold the pictures of a folder of this machine. Files that it has already, by their
        SHA-256, are not sent again. Bad ones fail alone: see the report.

        Args:
            path: the folder. A file's id is its path in there, with slashes.
            pattern: of file names, any case. Default: the endings of known formats. Hidden files and folders are left
                out.
            recursive: folders in the folder too.
            prefix: put before every id.
            metadata: by id, or a function of the path.
            exif: as in `add`; read again only from pictures that have it not, or not just these fields.
            concurrency: requests at the same time.
            retries: of each picture; None: the client's.
            prune: afterwards remove the items that begin with the prefix and have no file here.
            progress: show a bar, where tqdm is installed.
            on_duplicate: as of `add`. Pictures that are sent at the same time are not held against each other.

        Raises NotADirectoryError, and what would be the same for all files: `NotFound` (no such collection),
        `Unauthorized`, `Forbidden`, `Unreachable`.
        """
        wanted = Upload(
            Path(path), pattern, recursive, prefix, concurrency, retries, metadata, exif, prune, progress, on_duplicate
        )
        return (yield from upload_folder(self, self._path, wanted))

    @verb
    def index_folder(
        self,
        paths: Union[str, Sequence[str]],
        *,
        metadata_file: Optional[str] = None,
        metadata_csv: Optional[str] = None,
        sidecars: bool = False,
        exif: Optional[str] = None,
        prune: bool = False,
        batch: Optional[int] = None,
        on_duplicate: Optional[str] = None,
    ) -> Op[J]:
        """Indexes files and folders *of the server*, under its allowed folders, or URLs; as a job.

        Args:
            metadata_file: path, there, of a CSV or JSON lines file; `file` or `id` names the picture, the rest becomes
                its metadata.
            metadata_csv: the older name of that.
            sidecars: take metadata from `x.jpg.json` or `x.json` beside the pictures.
            exif: "camera" or "gps", as in `add`.
            prune: remove items of these folders whose file is gone.
            batch: items stored together, 1 to 10,000; None: 256.
            on_duplicate: "skip": leave out new pictures that are copies of others; a job cannot report them.
        """
        wanted = {"paths": [paths] if isinstance(paths, str) else list(paths), "prune": prune, "sidecars": sidecars}
        wanted.update(
            document(
                metadata_file=metadata_file,
                metadata_csv=metadata_csv,
                exif=exif,
                batch=batch,
                on_duplicate=on_duplicate,
            )
        )
        said = yield from self._json("POST", f"{self._path}/index", json=wanted, repeatable=False)
        return self._job(JobInfo.of(said))

    # --- items ---

    @feed
    def items(
        self,
        *,
        filter: Optional[str] = None,
        sort: Optional[str] = None,
        vectors: bool = False,
        page: int = 1000,
    ) -> Feed[Item]:
        """All items by id, or those whose metadata a filter matches: `price < 50 and category in ("shoe", "boot")`.

        Args:
            sort: a field to order them by in place of their ids; with a "-" in front, downwards. "@random:7", with
                any whole number: in an order that chance chooses, the same for the same number.
            vectors: with their vectors.
            page: how many are asked for at a time, 1 to 10,000.
        """
        cursor: Optional[str] = None
        while True:
            asked = query(limit=page, cursor=cursor, filter=filter, sort=sort, vectors=vectors or None)
            said = yield from self._json("GET", f"{self._path}/items", query=asked)
            for item in said["items"]:
                yield Emit(parse(Item, item))
            cursor = said["next"]
            if cursor is None:
                return

    @verb
    def facets(self, *fields: str, filter: Optional[str] = None, limit: Optional[int] = None) -> Op[List[Facet]]:
        """Which values these fields of the metadata have, and how many items have each.

        Args:
            filter: count only items that it matches.
            limit: values of each field, the most frequent, up to 10,000; None: 20.
        """
        wanted = {"fields": list(fields), **document(filter=filter, limit=limit)}
        said = yield from self._json("POST", f"{self._path}/facets", json=wanted)
        return [parse(Facet, facet) for facet in said["facets"]]

    @verb
    def get(self, id: str, *, vector: bool = False) -> Op[Item]:
        """One item, on request with its vector. Raises `NotFound`."""
        said = yield from self._json("GET", self._item(id), query=query(vectors=vector or None))
        return parse(Item, said)

    @verb
    def patch(self, id: str, metadata: Mapping[str, Any]) -> Op[Item]:
        """Changes these fields of an item's metadata, and removes those that are None here (RFC 7396)."""
        return parse(Item, (yield from self._json("PATCH", self._item(id), json=metadata)))

    @verb
    def delete(self, ids: Union[str, Sequence[str], None] = None, *, filter: Optional[str] = None) -> Op[int]:
        """Removes items by id, up to 10,000 at a time, or all that a filter matches; gives how many were there."""
        if (ids is None) == (filter is None):
            raise TypeError("delete either by ids or by filter")
        wanted = {"filter": filter} if ids is None else {"ids": [ids] if isinstance(ids, str) else list(ids)}
        said = yield from self._json("POST", f"{self._path}/delete", json=wanted)
        return int(said["deleted"])

    @verb
    def picture(self, id: str) -> Op[bytes]:
        """The picture as it was given. Raises `NotFound` also for an item that is a bare vector."""
        return (yield from self._send("GET", f"{self._item(id)}/picture")).body

    @verb
    def thumbnail(self, id: str, size: int = 256) -> Op[bytes]:
        """The picture as an upright JPEG whose longer side has at most `size` pixels, 16 to 2,048."""
        return (yield from self._send("GET", f"{self._item(id)}/thumbnail", query=query(size=size))).body
