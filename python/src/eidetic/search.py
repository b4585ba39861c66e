"""A query as a request, and its answer as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from .drivers import BlockingDriver, Connection
from .errors import EideticError, error_of
from .exchange import JSON, document, encode, exchange, query, segment
from .pictures import Crop, ItemRef, Picture, QueryLike, Vector, crop_document, load, term_document, terms_of
from .parsing import parse
from .results import CopyOf, Hit, Region, SearchResult, Verification
from .steps import Op, Request, Together

_VECTOR = {"Content-Type": "application/vnd.eidetic.vector"}
_PICTURE = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Query:
    """What to search for and how; the fields are explained at `Collection.search`."""

    query: QueryLike
    k: Optional[int] = None
    filter: Optional[str] = None
    min_similarity: Optional[float] = None
    crop: Optional[Crop] = None
    exclude_self: Optional[bool] = None
    ef: Optional[int] = None
    nprobe: Optional[int] = None
    rescore: Optional[int] = None
    model: Optional[str] = None
    augment: Optional[str] = None
    seed: Optional[int] = None
    verify: Optional[int] = None
    min_confidence: Union[float, str, None] = None
    classify: Optional[str] = None
    class_name: Optional[str] = None
    class_confidence: Optional[float] = None
    regions: Optional[bool] = None
    collapse: Optional[bool] = None

    def over(self, other: Query) -> Query:
        """With the other's values where it has none of its own."""
        merged = {**vars(other), **{name: value for name, value in vars(self).items() if value is not None}}
        return Query(**merged)

    def document(self) -> Op[Dict[str, Any]]:
        """As JSON."""
        terms: List[Dict[str, Any]] = []
        for term in terms_of(self.query):
            said = yield from term_document(term)
            if self.crop is not None and isinstance(term, (Picture, ItemRef)):
                said.setdefault("crop", crop_document(self.crop))
            terms.append(said)
        rest = document(**self._settings(), model=self.model)
        return {**(terms[0] if len(terms) == 1 else {"terms": terms}), **rest}

    def request(self, path: str) -> Op[Request]:
        """A picture or a vector alone goes as it is, which is the shortest way; all else as JSON."""
        terms = terms_of(self.query)
        alone = terms[0] if len(terms) == 1 and terms[0].weight == 1 and self.model is None else None
        if isinstance(alone, Vector):
            return Request("POST", path, self._query(None), _VECTOR, alone.packed())
        if isinstance(alone, Picture):
            source = yield from load(alone.source)
            if source.data is not None:
                return Request("POST", path, self._query(alone.crop or self.crop), _PICTURE, source.data)
        return Request("POST", path, {}, JSON, encode((yield from self.document())))

    def _query(self, crop: Optional[Crop]) -> Dict[str, str]:
        return query(**self._settings(), crop=crop and ",".join(f"{number:.17g}" for number in crop))

    def _settings(self) -> Dict[str, Any]:
        """What all forms of a request say alike, by the names of the server."""
        return {
            "k": self.k,
            "filter": self.filter,
            "min_similarity": self.min_similarity,
            "min_confidence": self.min_confidence,
            "classify": self.classify,
            "class": self.class_name,
            "class_confidence": self.class_confidence,
            "exclude_self": self.exclude_self,
            "regions": self.regions,
            "collapse": self.collapse,
            "ef": self.ef,
            "nprobe": self.nprobe,
            "rescore": self.rescore,
            "augment": self.augment,
            "seed": self.seed,
            "verify": self.verify,
        }


def result_of(connection: Connection, said: Mapping[str, Any]) -> SearchResult:
    collection = said["collection"]
    return SearchResult(
        collection,
        [hit_of(hit) for hit in said["hits"]],
        said["timings_ms"],
        said["items_per_s"],
        said["explain"],
        said["nothing_similar"],
        said["model"],
        lambda ids: fetch_thumbnails(connection, collection, ids),
    )


def hit_of(said: Mapping[str, Any]) -> Hit:
    extras: Dict[str, Any] = {name: Region.of(said[name]) for name in ("region", "query_region") if name in said}
    if "verification" in said:
        extras["verification"] = parse(Verification, said["verification"])
    if "copies" in said:
        extras["copies"] = [parse(CopyOf, copy) for copy in said["copies"]]
    return parse(Hit, {**said, **extras})


def result_or_error(connection: Connection, said: Mapping[str, Any]) -> Union[SearchResult, EideticError]:
    """Of one query of several."""
    if "error" in said:
        return error_of(said["error"]["message"], code=said["error"]["code"])
    return result_of(connection, said)


def fetch_thumbnails(connection: Connection, collection: str, ids: Sequence[str]) -> List[Optional[bytes]]:
    """For the display of results, which cannot be awaited: over a connection of its own. None: there is none."""
    found: Dict[str, Optional[bytes]] = {}

    def fetch(id: str) -> Op[None]:
        path = f"/v1/collections/{segment(collection)}/items/{segment(id)}/thumbnail"
        try:
            found[id] = (yield from exchange(Request("GET", path, {"size": "256"}), retries=0)).body
        except EideticError:
            found[id] = None

    def fetch_all() -> Op[None]:
        yield Together((fetch(id) for id in ids), 8, lambda _: None)

    driver = BlockingDriver(connection)
    try:
        driver._run(fetch_all())
    finally:
        driver.close()
    return [found[id] for id in ids]
