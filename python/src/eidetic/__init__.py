"""Visual search: the Python client of an Eidetic server.

    from eidetic import Client

    client = Client("http://127.0.0.1:8890", token="…")
    photos = client.create_collection("photos")
    photos.upload_folder("Pictures")
    photos.search("query.jpg", k=5)

`AsyncClient` has the same surface, to be awaited.
"""

from .client import AsyncClient, Client
from .collection import AsyncCollection, Collection
from .errors import (
    AlreadyExists,
    Corrupt,
    EideticError,
    Forbidden,
    InvalidArgument,
    JobFailed,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unreachable,
    Unsupported,
)
from .job import AsyncJob, Job
from .learning import CalibrationInfo, ClassifierInfo, Confusion, Evaluation, Measures, Placed, TrainEpoch, TrainReport
from .pictures import Crop, ItemRef, Picture, PictureLike, QueryLike, ServerFile, Term, Text, Vector
from .results import (
    CollectionInfo,
    CollectionMap,
    ComparedSearch,
    CopyOf,
    DuplicateGroup,
    DuplicateMember,
    Duplicates,
    Facet,
    Failure,
    Health,
    Hit,
    IndexView,
    Item,
    JobInfo,
    Layer,
    Merged,
    ModelCheck,
    ModelComparison,
    ModelInfo,
    Progress,
    PutResult,
    Region,
    Report,
    SearchResult,
    SearchWalk,
    Training,
    Verification,
)
from .search import Query
from .upload import NewItem
from .version import __version__

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "AsyncCollection",
    "AsyncJob",
    "CalibrationInfo",
    "ClassifierInfo",
    "Client",
    "Collection",
    "CollectionInfo",
    "CollectionMap",
    "ComparedSearch",
    "Confusion",
    "CopyOf",
    "Corrupt",
    "Crop",
    "DuplicateGroup",
    "DuplicateMember",
    "Duplicates",
    "EideticError",
    "Evaluation",
    "Facet",
    "Failure",
    "Forbidden",
    "Health",
    "Hit",
    "IndexView",
    "InvalidArgument",
    "Item",
    "ItemRef",
    "Job",
    "JobFailed",
    "JobInfo",
    "Layer",
    "Measures",
    "Merged",
    "ModelCheck",
    "ModelComparison",
    "ModelInfo",
    "NewItem",
    "NotFound",
    "Overloaded",
    "Picture",
    "PictureLike",
    "Placed",
    "Progress",
    "PutResult",
    "Query",
    "QueryLike",
    "Region",
    "Report",
    "SearchResult",
    "SearchWalk",
    "ServerFile",
    "Term",
    "Text",
    "TooLarge",
    "TrainEpoch",
    "TrainReport",
    "Training",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "Unsupported",
    "Vector",
    "__version__",
]
