"""What the server answers, as plain objects. Times are UTC as RFC 3339 has them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union, overload

from .display import grid
from .errors import EideticError, error_of
from .learning import Evaluation, TrainEpoch, TrainReport
from .parsing import parse

Thumbnails = Callable[[Sequence[str]], Sequence[Optional[bytes]]]


@dataclass(frozen=True)
class CollectionInfo:
    name: str
    items: int
    backend: str  # where it lives: "embedded", or the URL of a search engine
    model: str
    space: str  # what makes vectors comparable
    dimensions: int
    metric: str
    precision: str
    index: str  # what was asked for
    index_kind: str  # what answers now
    index_building: str  # what is being built in the background; "": nothing
    index_training: Optional[Dict[str, Any]]  # items, sampled, explained_variance, seconds; None: nothing was learnt
    index_note: str  # what a person should know of the index; "": nothing
    search: Dict[str, int]  # ef, nprobe, rescore of searches that do not say; 0: the index's own
    regions: str  # the parts of pictures that are searched too: "none", "multi", "2x3" …
    region_vectors: int  # of all items
    description: str  # what is in it, for people
    source: str  # where it comes from, for people
    migration: Optional[Dict[str, Any]]  # model, space, state, total, done, failed, until, notes; None: see `migrate`
    memory_bytes: int
    disk_bytes: int
    created: str
    pending_jobs: int
    watch: List[str]


@dataclass(frozen=True)
class Item:
    id: str
    uri: str
    content_hash: str  # SHA-256 of the picture, hex; "": not known
    size_bytes: int
    modified: Optional[str]
    metadata: Dict[str, Any]
    vector: Optional[List[float]] = None  # where asked for


@dataclass(frozen=True)
class CopyOf:
    id: str  # of the item that it is a copy of; in `Hit.copies`, of the copy
    copy_score: float  # the chance that both are edits of the same picture, 0 to 1
    judged_by: str  # "content", "pixels", "hash" or "vectors"


@dataclass(frozen=True)
class PutResult:
    id: str
    outcome: str  # "created", "replaced", "unchanged" or, for a copy that was not stored, "skipped"
    copy_of: Optional[CopyOf] = None  # where copies were asked to be reported or skipped

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "PutResult":
        return cls(said["id"], said["outcome"], parse(CopyOf, said["copy_of"]) if "copy_of" in said else None)


@dataclass(frozen=True)
class Failure:
    """One of many that failed alone."""

    uri: str  # which: an id, a file or a URL
    code: str
    message: str


@dataclass(frozen=True)
class Report:
    """What became of many pictures."""

    results: List[Union[PutResult, Failure]]  # of `add_many` in the order given, of `upload_folder` by id
    seconds: float
    pruned: int = 0  # items removed because their file is gone

    @property
    def created(self) -> int:
        return self._count("created")

    @property
    def replaced(self) -> int:
        return self._count("replaced")

    @property
    def unchanged(self) -> int:
        return self._count("unchanged")

    @property
    def skipped(self) -> int:
        return self._count("skipped")

    @property
    def failures(self) -> List[Failure]:
        return [each for each in self.results if isinstance(each, Failure)]

    def _count(self, outcome: str) -> int:
        return sum(isinstance(each, PutResult) and each.outcome == outcome for each in self.results)

    def __str__(self) -> str:
        counts = [(self.created, "created"), (self.replaced, "replaced"), (self.unchanged, "unchanged")]
        counts += [(self.skipped, "skipped as copies"), (self.pruned, "pruned"), (len(self.failures), "failed")]
        return (
            ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing"
        ) + f" in {self.seconds:.1f} s"


@dataclass(frozen=True)
class Verification:
    """Whether, and where, a hit shows what the query's picture shows. Corners are fractions of width and height."""

    verified: bool
    matches: int  # of local features
    note: str = ""  # why this hit could not be verified
    inliers: int = 0  # matches that agree with one homography
    score: float = 0.0  # -log10 of how many alignments as good would be expected by chance
    mirrored: bool = False
    whole_query: bool = False  # all of the query is seen in the hit; else a part of it
    quad: Sequence[Mapping[str, float]] = ()  # the corners of what both show, in the hit
    query_quad: Sequence[Mapping[str, float]] = ()  # the same, in the query
    hit_overlap_pct: float = 0.0  # how much of the hit's area they enclose
    query_overlap_pct: float = 0.0


class Region(NamedTuple):
    """A part of a picture, as fractions of its width and height from the top left. It may be given as a `crop`."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Region":
        return cls(said["x"], said["y"], said["width"], said["height"])


@dataclass(frozen=True)
class Hit:
    id: str
    similarity: float  # larger is nearer; 1: the same vector
    distance: float  # smaller is nearer
    uri: str
    metadata: Dict[str, Any]
    # 0 to 1: how likely it is a real match; in a calibrated collection, for a query of one picture, id or vector
    confidence: Optional[float] = None
    verification: Optional[Verification] = None  # where asked for
    region: Optional[Region] = None  # with `regions`: the part of its picture that was nearest; None: all of it
    query_region: Optional[Region] = None  # with `augment="parts"`: the part of the query's that found it; None: all
    copies: List[CopyOf] = field(default_factory=list)  # with `collapse`: hits that are copies of this one, best first


@dataclass(frozen=True, eq=False)
class SearchResult(Sequence[Hit]):
    """The hits, best first: a sequence. In a notebook it shows itself as a grid of thumbnails."""

    collection: str
    hits: List[Hit]
    timings_ms: Dict[str, float]
    items_per_s: Dict[str, float] = field(default_factory=dict)  # by stage
    explain: Dict[str, Any] = field(default_factory=dict)  # what made it: terms, classification, candidates, notes, …
    nothing_similar: bool = False  # something was found, and left out by min_similarity or min_confidence
    model: str = ""  # whose vectors were searched, all of them; "": bare vectors
    _thumbnails: Thumbnails = field(repr=False, default=lambda ids: [None] * len(ids))

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> List[Hit]: ...
    def __getitem__(self, index: Union[int, slice]) -> Union[Hit, List[Hit]]:
        return self.hits[index]

    @property
    def ids(self) -> List[str]:
        return [hit.id for hit in self.hits]

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a row a hit: id, similarity, distance, uri, where there are any confidence,
        verification, region, query_region and copies, and a column for each field of metadata. Raises ImportError where
        there is no pandas."""
        import pandas

        facts = ["id", "similarity", "distance", "uri"]
        known = [dataclasses.asdict(hit) for hit in self.hits]
        extras = ("confidence", "verification", "region", "query_region", "copies")
        facts += [name for name in extras if any(hit[name] not in (None, []) for hit in known)]
        rows = [{**{name: hit[name] for name in facts}, **_beside(hit["metadata"], facts)} for hit in known]
        return pandas.DataFrame(rows, columns=None if rows else facts)

    def _repr_html_(self) -> str:
        shown = self.hits[:50]
        return grid(
            self.collection, shown, self._thumbnails([hit.id for hit in shown]), more=len(self.hits) - len(shown)
        )


def _beside(metadata: Mapping[str, Any], names: Sequence[str]) -> Dict[str, Any]:
    """Those fields that are not called so."""
    return {name: value for name, value in metadata.items() if name not in names}


@dataclass(frozen=True)
class IndexView:
    """How an index is built. Lists of dictionaries, as `pandas.DataFrame` takes them."""

    collection: str
    kind: str  # what answers searches now
    items: int
    dimensions: int  # of the space that is searched
    cells: List[Dict[str, Any]]  # of an index with cells: items, mean_distance, radius, x, y
    layers: List[Dict[str, Any]]  # of a graph, the lowest first: items, mean_links
    nodes: List[Dict[str, Any]]  # of a graph's highest layers: id, layer, x, y
    links: List[Dict[str, Any]]  # between these, by their places in nodes: from, to, layer


@dataclass(frozen=True)
class SearchWalk:
    """What one search did. Lists of dictionaries, as `pandas.DataFrame` takes them."""

    collection: str
    kind: str
    query: Dict[str, float]  # its place among the nodes: x, y
    nodes: List[Dict[str, Any]]  # items that were looked at: id, x, y
    steps: List[Dict[str, Any]]  # of a graph, in order: node, from (places in nodes), layer, similarity
    visits: List[Dict[str, Any]]  # of cells, in order: cell, distance, items
    candidates: List[Dict[str, Any]]  # scored in full, best estimate first: node, estimate, similarity, rank (or None)
    scanned: bool  # a graph's walk did not find enough, and all items were compared
    hits: List[Hit]


@dataclass(frozen=True)
class CollectionMap:
    """Where items lie beside each other in a plane."""

    collection: str
    method: str  # "pca" or "umap"
    kind: str  # of the index
    items: int  # of the collection
    explained_variance: Optional[float]  # of "pca"
    points: List[Dict[str, Any]]  # by id: id, x, y, layer, and where there is one, cell and label


@dataclass(frozen=True)
class Facet:
    """What values a field has, in the items that were asked for."""

    field: str
    without: int  # items that do not have it
    distinct: int  # values there are; an item with a list counts for each of its entries
    least: Optional[float]  # of the numbers among them
    largest: Optional[float]
    values: List[Dict[str, Any]]  # value and items, most frequent first


@dataclass(frozen=True)
class Merged:
    """What a merge did with the other collection's items."""

    collection: str
    added: int
    replaced: int
    kept: int  # of ids that were there: left as they were


@dataclass(frozen=True)
class Training:
    name: str  # of the model
    request: Dict[str, Any]  # what was asked for, with the collection
    job: Optional[JobInfo]  # the latest that worked on it; None: forgotten
    report: TrainReport

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Training:
        job = said["job"] and JobInfo.of(said["job"])
        return cls(said["name"], said["request"], job, TrainReport.of(said["report"]))


@dataclass(frozen=True)
class ComparedSearch:
    id: str  # searched with, and left out of both answers
    overlap: float  # the share of hits that both have
    hits: List[Dict[str, Any]]  # id and similarity of the first ten
    other_hits: List[Dict[str, Any]]


@dataclass(frozen=True)
class ModelComparison:
    """What a collection finds with its model, and with the one beside it."""

    collection: str
    model: str  # that is searched
    other_model: str
    items: int
    compared: int  # those with vectors of both
    overlap: float  # mean share of the first ten hits that both find
    overlap_margin: float  # half of its 95 % confidence interval
    same_first: float  # share of searches whose first hit is the same
    searches: List[ComparedSearch]
    report: Optional[Evaluation]  # where a label was given
    other_report: Optional[Evaluation]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> ModelComparison:
        searches = [parse(ComparedSearch, one) for one in said["searches"]]
        reports = {
            name: None if said[name] is None else Evaluation.of(said[name]) for name in ("report", "other_report")
        }
        return parse(cls, {**said, "searches": searches, **reports})


@dataclass(frozen=True)
class DuplicateMember:
    """What follows `height` is beside the group's centre."""

    id: str
    bytes: int  # 0: not known
    width: Optional[int]  # pixels; None: the picture was not looked at
    height: Optional[int]
    similarity: float
    hash_distance: Optional[int]  # bits of 64; None: not known
    copy_score: float  # the chance that both are edits of the same picture, 0 to 1
    judged_by: str  # "content", "pixels", "hash" or "vectors"


@dataclass(frozen=True)
class DuplicateGroup:
    keep: str  # id of the first member: most pixels, then most bytes, then oldest
    centre: str  # id of the member that all others are copies of
    members: List[DuplicateMember]

    @property
    def extra(self) -> List[str]:
        """The ids that are not to be kept."""
        return [member.id for member in self.members[1:]]


@dataclass(frozen=True)
class Duplicates:
    """Groups of copies, the largest first."""

    collection: str
    items: int
    groups: int  # all; `found` may have fewer
    duplicates: int  # members that are not the one to keep, of all groups
    exact: int  # of these, same bytes as another
    pairs: int  # near items that were judged
    verified: int  # of these, by their pixels
    unreadable: int  # pictures that could not be read
    seconds: float
    found: List[DuplicateGroup]

    @property
    def extra(self) -> List[str]:
        """The ids that are not to be kept, of all groups in `found`."""
        return [id for group in self.found for id in group.extra]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Duplicates":
        found = [
            parse(DuplicateGroup, {**group, "members": [parse(DuplicateMember, each) for each in group["members"]]})
            for group in said["found"]
        ]
        return parse(cls, {**said, "found": found})


@dataclass(frozen=True)
class Progress:
    total: int
    done: int
    indexed: int
    skipped: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class JobInfo:
    id: str
    kind: str  # "index", "put", "regions", "migrate", "copy", "pull" or "train"
    subject: str  # the collection; of "pull" the model
    state: str  # "queued", "running", "done", "failed" or "cancelled"
    created: str
    started: Optional[str]
    finished: Optional[str]
    progress: Progress
    error: Optional[EideticError]  # of a failed job
    starts: int  # more than 1: went on after a restart
    stage: str = ""  # of "train", while it runs: "features", then "epochs"; what `progress` counts
    epochs: Sequence[TrainEpoch] = ()  # of "train": those so far; not in lists

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @staticmethod
    def of(said: Mapping[str, Any]) -> JobInfo:
        error = said["error"] and error_of(said["error"]["message"], code=said["error"]["code"])
        epochs = [parse(TrainEpoch, each) for each in said.get("epochs", ())]
        return parse(
            JobInfo, {**said, "progress": parse(Progress, said["progress"]), "error": error, "epochs": epochs}
        )


@dataclass(frozen=True)
class ModelInfo:
    name: str
    folder: str
    bundle: Dict[str, Any] = field(default_factory=dict)  # its model.json
    labels: List[str] = field(default_factory=list)  # class names by position in a classifier's vector; not in lists
    error: Optional[Dict[str, str]] = None  # of a broken one: code and message


@dataclass(frozen=True)
class Layer:
    """A tensor whose values a model can give."""

    name: str
    op: str
    shape: str
    type: str
    output: bool


@dataclass(frozen=True)
class ModelCheck:
    model: str
    space: str
    dimensions: int
    precision: str
    text: bool
    labels: int
    load_ms: float
    images_per_s: float
    golden_difference: Optional[float]


@dataclass(frozen=True)
class Health:
    live: bool  # the process answers
    ready: bool  # requests are taken
    healthy: bool  # the parts work


def results_of(said: Sequence[Mapping[str, Any]], names: Sequence[str]) -> List[Union[PutResult, Failure]]:
    """What became of each; `names` tell failures apart."""
    return [
        Failure(name, each["error"]["code"], each["error"]["message"]) if "error" in each else PutResult.of(each)
        for each, name in zip(said, names)
    ]
