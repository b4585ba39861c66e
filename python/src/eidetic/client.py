"""The way in: a client of one server."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Generic, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from .collection import AsyncCollection, Collection
from .drivers import AwaitedDriver, BlockingDriver, Connection
from .errors import EideticError
from .exchange import document, exchange, query, segment
from .handle import AwaitedHandle, BlockingHandle, Handle
from .job import AsyncJob, Job
from .pictures import PictureLike, QueryLike, load
from .parsing import parse
from .results import CollectionInfo, Health, JobInfo, Layer, ModelCheck, ModelInfo, Training
from .search import Query
from .steps import Op, Request, verb

C = TypeVar("C")
J = TypeVar("J")

DEFAULT_URL = "http://127.0.0.1:8890"


def _body_of(picture: PictureLike) -> Op[Dict[str, Any]]:
    """The fields of a request whose body is a picture."""
    source = yield from load(picture)
    if source.data is None:
        return {"json": source.fields()}
    return {"content": source.data, "headers": {"Content-Type": "application/octet-stream"}}


class ClientVerbs(Handle, Generic[C, J]):
    """A client of one server.

    Args:
        url: where it is; may end in a path, behind a proxy.
        token: one of the server's; None: none is sent.
        timeout: seconds that the server may be silent.
        retries: how often a request is sent again that was refused for now (429, 503: after the time that the server
            names), or got no answer and can do no harm.
        verify: how an https server is trusted: True, by the usual authorities; a path of a file of certificates; an
            ssl.SSLContext; False, not checked.

    Every verb may raise `Unauthorized`, `Forbidden`, `InvalidArgument`, `Overloaded`, `Unreachable`: see
    `eidetic.errors`.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._connection.url}>"

    def _collection(self, name: str) -> C:
        raise NotImplementedError

    def _job(self, info: JobInfo) -> J:
        raise NotImplementedError

    # --- collections ---

    def collection(self, name: str) -> C:
        """A collection by its name. Asks the server nothing yet."""
        return self._collection(name)

    @verb
    def collections(self) -> Op[List[CollectionInfo]]:
        """All collections, by name."""
        said = yield from self._json("GET", "/v1/collections")
        return [parse(CollectionInfo, each) for each in said["collections"]]

    @verb
    def create_collection(
        self,
        name: str,
        *,
        model: Optional[str] = None,
        dimensions: Optional[int] = None,
        index: Optional[str] = None,
        metric: Optional[str] = None,
        watch: Optional[Sequence[str]] = None,
        regions: Optional[str] = None,
        description: Optional[str] = None,
        source: Optional[str] = None,
        backend: Optional[str] = None,
    ) -> Op[C]:
        """Creates a collection, or finds that it is there already. Needs the role admin.

        Args:
            name: 1 to 64 of A-Z a-z 0-9 _ - .
            model: a model that the server has; None: "default".
            dimensions: instead of a model: a collection of bare vectors.
            index: "auto", "Flat", "HNSW<M>" or "HNSW<M>:<E>"; None: "auto".
            metric: "cosine", "dot" or "euclidean"; None: "cosine".
            watch: folders of the server to keep in step with.
            regions: the parts of pictures that can be searched too: "multi", or tiles such as "2x3"; None: "none". See
                `Collection.set_regions`.
            description: what is in it, for people, as plain text of at most 10,000 bytes.
            source: where it comes from, likewise.
            backend: where it lives: "embedded", in the server's data folder, or the URL of a search engine of its
                configuration; None: as the configuration says.

        Raises `AlreadyExists` when there is another one of that name: nothing is ever rebuilt or thrown away by asking.
        """
        folders = None if watch is None else list(watch)
        wanted = document(
            model=model,
            dimensions=dimensions,
            index=index,
            metric=metric,
            watch=folders,
            regions=regions,
            description=description,
            source=source,
            backend=backend,
        )
        yield from self._send("PUT", f"/v1/collections/{segment(name)}", json=wanted)
        return self._collection(name)

    @verb
    def import_collection(self, path: Union[str, os.PathLike[str]], *, name: Optional[str] = None) -> Op[C]:
        """Makes a collection of an exported file: all of it or nothing. Needs the role admin.

        Args:
            name: instead of the name in the file.

        Raises `AlreadyExists`, `Corrupt`.
        """
        said = yield from self._json(
            "POST",
            "/v1/import",
            query=query(name=name),
            content=Path(path),
            headers={"Content-Type": "application/octet-stream"},
            repeatable=False,
        )
        return self._collection(said["name"])

    # --- jobs ---

    @verb
    def jobs(
        self,
        *,
        subject: Optional[str] = None,
        state: Optional[str] = None,
        before: Optional[str] = None,
        limit: int = 100,
    ) -> Op[List[J]]:
        """Jobs, newest first.

        Args:
            subject: only those of this collection or model.
            state: only those that are "queued", "running", "done", "failed" or "cancelled".
            before: only those older than the job of this id.
            limit: 1 to 1,000.
        """
        asked = query(subject=subject, state=state, before=before, limit=limit)
        said = yield from self._json("GET", "/v1/jobs", query=asked)
        return [self._job(JobInfo.of(each)) for each in said["jobs"]]

    @verb
    def job_counts(self) -> Op[Dict[str, int]]:
        """How many jobs are in each state."""
        said = yield from self._json("GET", "/v1/jobs", query=query(limit=1))
        return {state: int(count) for state, count in said["counts"].items()}

    @verb
    def job(self, id: str) -> Op[J]:
        """A job by its id. Raises `NotFound`."""
        return self._job(JobInfo.of((yield from self._json("GET", f"/v1/jobs/{segment(id)}"))))

    # --- models ---

    @verb
    def models(self) -> Op[List[ModelInfo]]:
        """The models that are there; of a broken one, `error` says why."""
        said = yield from self._json("GET", "/v1/models")
        return [parse(ModelInfo, each) for each in said["models"]]

    @verb
    def model(self, name: str) -> Op[ModelInfo]:
        """What a model is. Raises `NotFound`."""
        return parse(ModelInfo, (yield from self._json("GET", f"/v1/models/{segment(name)}")))

    @verb
    def layers(self, name: str) -> Op[List[Layer]]:
        """The tensors whose values a model can give, in the order of computation."""
        said = yield from self._json("GET", f"/v1/models/{segment(name)}/layers")
        return [parse(Layer, each) for each in said["layers"]]

    @verb
    def check_model(self, name: str) -> Op[ModelCheck]:
        """Has the server load a model and see that it works. Needs the role admin."""
        return parse(ModelCheck, (yield from self._json("POST", f"/v1/models/{segment(name)}/check")))

    @verb
    def add_model(
        self,
        name: str,
        file: Union[str, os.PathLike[str], None] = None,
        *,
        bundle: Optional[Mapping[str, Any]] = None,
        url: Optional[str] = None,
    ) -> Op[ModelInfo]:
        """Adds a model: a model file (ONNX, TFLite) of this machine, described by defaults; or a description
        (`model.json`) and the URL of its file. Needs the role admin. Raises `AlreadyExists` when there is another one
        of that name."""
        path = f"/v1/models/{segment(name)}"
        if file is not None and bundle is None and url is None:
            headers = {"Content-Type": "application/octet-stream"}
            return parse(ModelInfo, (yield from self._json("PUT", path, content=Path(file), headers=headers)))
        if file is None and bundle is not None and url is not None:
            return parse(ModelInfo, (yield from self._json("PUT", path, json={"bundle": dict(bundle), "url": url})))
        raise TypeError("give either a file, or a bundle and a url")

    @verb
    def pull_model(self, name: str, *, mirror: Optional[str] = None) -> Op[J]:
        """Has the server fetch a public model of its zoo, as a job. Needs the role admin.

        Args:
            mirror: fetch from below this URL instead.
        """
        path = f"/v1/models/{segment(name)}/pull"
        said = yield from self._json("POST", path, json=document(mirror=mirror), repeatable=False)
        return self._job(JobInfo.of(said))

    # --- trainings: see `Collection.train` ---

    @verb
    def trainings(self) -> Op[List[Training]]:
        """All trainings, the latest first; their reports are without epochs."""
        said = yield from self._json("GET", "/v1/trainings")
        return [Training.of(each) for each in said["trainings"]]

    @verb
    def training(self, name: str) -> Op[Training]:
        """A training by the name of its model, as far as it is. Raises `NotFound`."""
        return Training.of((yield from self._json("GET", f"/v1/trainings/{segment(name)}")))

    @verb
    def training_file(self, name: str, file: str = "report.html") -> Op[bytes]:
        """What a training leaves to read: "report.html", one page, when it is done; "report.json", "epochs.csv",
        "training.json", "events.out.tfevents.eidetic" for TensorBoard. Raises `NotFound` where it is not there yet."""
        return (yield from self._send("GET", f"/v1/trainings/{segment(name)}/{segment(file)}")).body

    @verb
    def drop_training(self, name: str) -> Op[None]:
        """Deletes a training's report and what was made on the way; the model stays. Needs the role admin. Raises
        `InvalidArgument` while its job waits or runs."""
        yield from self._send("DELETE", f"/v1/trainings/{segment(name)}")

    # --- pictures and words as models see them ---

    @verb
    def embed(self, model: str, picture: PictureLike) -> Op[List[float]]:
        """The vector of a picture."""
        body = yield from _body_of(picture)
        said = yield from self._json("POST", f"/v1/models/{segment(model)}/embed", **body)
        return [float(value) for value in said["vector"]]

    @verb
    def contact_sheet(self, picture: Union[Query, QueryLike], *, seed: Optional[int] = None) -> Op[bytes]:
        """The variants of pictures that a search with `augment` takes, in rows beside them, as JPEG."""
        wanted = (picture if isinstance(picture, Query) else Query(picture)).over(Query((), seed=seed))
        request = yield from wanted.request("/v1/contact-sheet")
        return (yield from exchange(request, retries=self._connection.retries)).body

    @verb
    def preview(self, picture: PictureLike, *, size: int = 256) -> Op[bytes]:
        """A picture as an upright JPEG whose longer side has at most `size` pixels, 16 to 2,048: to show what is no
        JPEG, or what the server alone can read. Of an item: `Collection.thumbnail`."""
        body = yield from _body_of(picture)
        return (yield from self._send("POST", "/v1/preview", query=query(size=size), **body)).body

    # --- the server ---

    @verb
    def backup(self, name: str) -> Op[str]:
        """Copies the data folder into the folder `name` of the server's backup folder, while everything goes on. Needs
        the role admin. Raises `AlreadyExists`."""
        said = yield from self._json("POST", "/v1/backup", json={"name": name}, repeatable=False)
        return str(said["name"])

    @verb
    def health(self) -> Op[Health]:
        """Whether the server answers, takes requests, and its parts work. Raises nothing when it does not."""
        well = []
        for path in ("/livez", "/readyz", "/healthz"):
            try:
                yield from exchange(Request("GET", path), retries=0)
                well.append(True)
            except EideticError:
                well.append(False)
        return Health(*well)

    @verb
    def metrics(self) -> Op[str]:
        """The server's figures, in Prometheus's text format."""
        return (yield from self._send("GET", "/metrics")).body.decode()

    @verb
    def server(self) -> Op[Dict[str, Any]]:
        """Version, libraries and limits of the server."""
        said: Dict[str, Any] = yield from self._json("GET", "/v1/server")
        return said


class Client(ClientVerbs[Collection, Job], BlockingHandle):
    __doc__ = ClientVerbs.__doc__

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: Optional[str] = None,
        *,
        timeout: float = 60.0,
        retries: int = 4,
        verify: Union[bool, str, ssl.SSLContext] = True,
    ) -> None:
        self._driver = BlockingDriver(Connection(url, token, timeout, retries, verify))

    def _collection(self, name: str) -> Collection:
        return Collection(self._driver, name)

    def _job(self, info: JobInfo) -> Job:
        return Job(self._driver, info)

    def close(self) -> None:
        """Closes its connections."""
        self._driver.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class AsyncClient(ClientVerbs[AsyncCollection, AsyncJob], AwaitedHandle):
    __doc__ = ClientVerbs.__doc__

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: Optional[str] = None,
        *,
        timeout: float = 60.0,
        retries: int = 4,
        verify: Union[bool, str, ssl.SSLContext] = True,
    ) -> None:
        self._driver = AwaitedDriver(Connection(url, token, timeout, retries, verify))

    def _collection(self, name: str) -> AsyncCollection:
        return AsyncCollection(self._driver, name)

    def _job(self, info: JobInfo) -> AsyncJob:
        return AsyncJob(self._driver, info)

    async def close(self) -> None:
        """Closes its connections."""
        await self._driver.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()
