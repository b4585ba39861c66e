"""A collection: its pictures, and searching in it."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, List, Optional, Sequence, Union

from .collection_items import ItemVerbs
from .collection_learning import LearningVerbs
from .collection_named import J
from .drivers import AwaitedDriver, BlockingDriver
from .errors import EideticError
from .exchange import document, exchange, exchange_json, open_stream, query, read
from .handle import AwaitedHandle, BlockingHandle
from .job import AsyncJob, Job
from .parsing import parse
from .pictures import Crop, QueryLike
from .results import (
    CollectionInfo,
    CollectionMap,
    Duplicates,
    Hit,
    IndexView,
    JobInfo,
    Merged,
    SearchResult,
    SearchWalk,
)
from .search import Query, result_of, result_or_error
from .steps import Offload, Op, Request, verb


class CollectionVerbs(ItemVerbs[J], LearningVerbs[J]):
    """A collection by its name; whether the server has it shows when it is used: then `NotFound` is raised."""

    # --- the collection itself ---

    @verb
    def info(self) -> Op[CollectionInfo]:
        """How many items it holds, of which model and metric, and what answers."""
        return parse(CollectionInfo, (yield from self._json("GET", self._path)))

    @verb
    def watch(self, folders: Sequence[str]) -> Op[CollectionInfo]:
        """Watches folders of the server: what appears, changes and goes there does so in the collection. Replaces the
        list; an empty one watches nothing. Needs the role admin; the folders must lie under the allowed ones."""
        return parse(CollectionInfo, (yield from self._json("PATCH", self._path, json={"watch": list(folders)})))

    @verb
    def update(
        self,
        *,
        index: Optional[str] = None,
        rebuild: bool = False,
        ef: Optional[int] = None,
        nprobe: Optional[int] = None,
        rescore: Optional[int] = None,
        description: Optional[str] = None,
        source: Optional[str] = None,
    ) -> Op[CollectionInfo]:
        """Changes the index, how deep searches go that do not say, or what is said of the collection. Needs the role
        admin.

        Args:
            index: "auto" or a factory string such as "HNSW16", "IVF100,PQ8", "PCA64,Flat". It is built in the
                background while searches go on with the old one; `info().index_building` tells.
            rebuild: build, and train, the index anew though its kind stays.
            ef, nprobe, rescore: as in `search`; 0: the index's own. Those left out are 0 where one is given.
            description, source: what is in it and where it comes from, as plain text of at most 10,000 bytes.
        """
        body: dict[str, Any] = document(
            index=index, rebuild=rebuild or None, description=description, source=source
        )
        depth = {"ef": ef, "nprobe": nprobe, "rescore": rescore}
        if any(value is not None for value in depth.values()):
            body["search"] = {name: value or 0 for name, value in depth.items()}
        return parse(CollectionInfo, (yield from self._json("PATCH", self._path, json=body)))

    @verb
    def set_regions(self, plan: str, *, wait: bool = True, progress: bool = True) -> Op[J]:
        """Chooses which parts of its pictures the collection is searched by, too: see `regions` at `search`. As a job,
        which gives all items theirs, but for those that have them already; whatever is added later gets them at once.
        After a job that was stopped, the same call goes on. Needs the role write.

        Args:
            plan: "multi", nine boxes of half the sides that overlap by half, then nine of a third of the sides, side by
                side; tiles, rows x columns, as in "2x3", 2 to 256 of them; "none" takes all away.
            wait: return when the job has ended. Items whose picture cannot be read fail alone: `Job.failures`.
            progress: meanwhile show a bar, where tqdm is installed.

        Raises `InvalidArgument` for what is no plan, `Unsupported` for a collection of bare vectors, and when it waits
        `JobFailed`.
        """
        job = self._job(JobInfo.of((yield from self._json("POST", f"{self._path}/regions", json={"plan": plan}))))
        if wait:
            yield from job._await(progress)
        return job

    @verb
    def drop(self) -> Op[None]:
        """Removes the collection with all that is in it. Needs the role admin."""
        yield from self._send("DELETE", self._path)

    @verb
    def export(self, path: Union[str, os.PathLike[str]]) -> Op[Path]:
        """Writes items, metadata and vectors, not the pictures, into one file, which appears complete or not at all; an
        existing one is replaced. `Client.import_collection` reads it. Needs the role admin."""
        target = Path(path)
        request = Request("GET", f"{self._path}/export")
        yield from open_stream(request, retries=self._connection.retries)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
            try:
                while piece := (yield from read(request)):
                    yield Offload(partial(file.write, piece))
                file.close()
                os.replace(file.name, target)
            except BaseException:
                os.unlink(file.name)
                raise
        return target

    @verb
    def merge(self, other: Union[str, "CollectionVerbs[Any]"], *, replace: bool = False) -> Op[Merged]:
        """Copies all items of another collection of this server, which stays, into this one; nothing is embedded.

        Args:
            other: the collection, or its name; its vectors are of the same space.
            replace: of ids that both have, take the other's item; else what is there is kept.
        """
        wanted = {"from": other if isinstance(other, str) else other.name, "replace": replace}
        return parse(Merged, (yield from self._json("POST", f"{self._path}/merge", json=wanted)))

    @verb
    def duplicates(
        self,
        *,
        min_copy_score: Optional[float] = None,
        verify: Optional[str] = None,
        filter: Optional[str] = None,
        neighbors: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> Op[Duplicates]:
        """Groups of copies among the items, edited ones too. Takes minutes for large collections: give the client a
        longer `timeout` for that.

        Args:
            min_copy_score: the least chance, 0 to 1, that two pictures are copies; None: 0.5.
            verify: pairs whose pixels are compared: "never" (fast; finds no crops), "unsure", "always"; None: "unsure".
            filter: only items that it matches.
            neighbors: nearest items of each that are judged, 1 to 100; None: 10.
            limit: groups given, the largest first, up to 100,000; None: 1,000.
        """
        wanted = document(
            min_copy_score=min_copy_score, verify=verify, filter=filter, neighbors=neighbors, limit=limit
        )
        return Duplicates.of((yield from self._json("POST", f"{self._path}/duplicates", json=wanted)))

    # --- looking inside ---

    @verb
    def inspect(self) -> Op[IndexView]:
        """How the index is built: its cells or layers. A look at every item: seconds for millions."""
        return parse(IndexView, (yield from self._json("GET", f"{self._path}/inspect")))

    @verb
    def walk(self, query: Union[Query, QueryLike], *, k: Optional[int] = None) -> Op[SearchWalk]:
        """The same as `search`, and what it did: the steps through a graph, the cells it visited, its candidates. A
        `Query` carries all settings of a search."""
        wanted = (query if isinstance(query, Query) else Query(query)).over(Query((), k))
        request = yield from wanted.request(f"{self._path}/walk")
        said = yield from exchange_json(request, retries=self._connection.retries)
        return parse(SearchWalk, {**said, "hits": [parse(Hit, hit) for hit in said["hits"]]})

    @verb
    def map(
        self,
        method: str = "pca",
        *,
        limit: Optional[int] = None,
        neighbors: Optional[int] = None,
        seed: Optional[int] = None,
        label: Optional[str] = None,
    ) -> Op[CollectionMap]:
        """The items laid out in a plane.

        Args:
            method: "pca", the first two principal components, at once; "umap" keeps neighbours together.
            limit: items on the map, 1 to 200,000; of a larger collection a sample; None: 2,000.
            neighbors: of "umap": neighbours of each item, 2 to 200; None: 15.
            seed: the same seed gives the same map; None: 1.
            label: a field of metadata, or "@folder", to label the points with.
        """
        wanted = query(method=method, limit=limit, neighbors=neighbors, seed=seed, label=label)
        return parse(CollectionMap, (yield from self._json("GET", f"{self._path}/map", query=wanted)))

    # --- searching ---

    @verb
    def search(
        self,
        query: QueryLike,
        *,
        k: Optional[int] = None,
        filter: Optional[str] = None,
        min_similarity: Optional[float] = None,
        crop: Optional[Crop] = None,
        exclude_self: Optional[bool] = None,
        ef: Optional[int] = None,
        nprobe: Optional[int] = None,
        rescore: Optional[int] = None,
        model: Optional[str] = None,
        augment: Optional[str] = None,
        seed: Optional[int] = None,
        verify: Optional[int] = None,
        min_confidence: Union[float, str, None] = None,
        classify: Optional[str] = None,
        class_name: Optional[str] = None,
        class_confidence: Optional[float] = None,
        regions: Optional[bool] = None,
        collapse: Optional[bool] = None,
    ) -> Op[SearchResult]:
        """What looks alike, best first.

        Args:
            query: a picture (path, URL, bytes, file, PIL image, NumPy array), a term (`Picture`, `ItemRef`, `Text`,
                `Vector`), or a list of such, which are added up by weight.
            k: how many, 1 to 10,000; None: 10. As many come as there are, up to k.
            filter: only items whose metadata it matches.
            min_similarity: in per cent, 0 to 100: leave out what is less similar.
            crop: x, y, width, height of the part of the pictures, or of the items' pictures, to search with: pixels, or
                fractions up to 1.
            exclude_self: leave out the pictures that are searched with.
            ef: HNSW: candidates kept during the walk; None: the collection's.
            nprobe: IVF: cells visited; None: the collection's.
            rescore: candidates scored again from full precision, where codes are searched; None: the collection's.
            augment: "pool" or "mean": search with eight variants of the pictures too (mirrored, turned, darker, …), for the
                best of what all find, or with the mean of their vectors; see `Client.contact_sheet`. "parts": with the
                pictures' own parts in place of variants, so that a scene finds what is in it: `Hit.query_region`.
            seed: of what the variants leave to chance; None: 1.
            verify: so many of the best, up to 1000, are verified by keypoints and ranked anew, those first that show the same
                picture, or a part of it: `Hit.verification`. The first picture of the query is looked for.
            min_confidence: 0 to 1: leave out what is less likely to be a real match; "auto": what is below the
                calibration's recommendation. The collection has been calibrated.
            classify: the name of a classifier: only items of the query's class are searched. All are where that is
                unsure, where no item of the class passes the filter, or where its nearest item is more than twice as
                far as that of all: `SearchResult.explain["classification"]`.
            class_name: the class, in place of what the classifier says.
            class_confidence: 0 to 1: below it the class is unsure; None: the classifier's.
            model: refuse to search unless the collection holds vectors of this model.
            regions: items are as near as the nearest of their regions, or they themselves where these are nearer, so
                that a part finds the whole: `Hit.region`. The collection has some: `set_regions`.
            collapse: hits that are copies of a better one go into that one's `copies`, and others come in their place.
        """
        wanted = Query(
            query,
            k,
            filter,
            min_similarity,
            crop,
            exclude_self,
            ef,
            nprobe,
            rescore,
            model,
            augment,
            seed,
            verify,
            min_confidence,
            classify,
            class_name,
            class_confidence,
            regions,
            collapse,
        )
        request = yield from wanted.request(f"{self._path}/search")
        said = yield from exchange_json(request, retries=self._connection.retries)
        return result_of(self._connection, said)

    @verb
    def alignment(self, query: Union[Query, QueryLike], id: str) -> Op[bytes]:
        """The query's picture beside that of an item, with what agrees in both, as JPEG; see `verify` at `search`."""
        wanted = query if isinstance(query, Query) else Query(query)
        request = yield from wanted.request(f"{self._item(id)}/alignment")
        return (yield from exchange(request, retries=self._connection.retries)).body

    @verb
    def search_batch(
        self,
        queries: Sequence[Union[Query, QueryLike]],
        *,
        k: Optional[int] = None,
        filter: Optional[str] = None,
        min_similarity: Optional[float] = None,
        exclude_self: Optional[bool] = None,
        min_confidence: Union[float, str, None] = None,
        classify: Optional[str] = None,
        class_name: Optional[str] = None,
        class_confidence: Optional[float] = None,
        regions: Optional[bool] = None,
        collapse: Optional[bool] = None,
    ) -> Op[List[Union[SearchResult, EideticError]]]:
        """Several queries in one request, 100 unless the server is configured otherwise: a result or an error for each,
        in order. A `Query` may have settings of its own; the others get those given here."""
        common = Query(
            (),
            k,
            filter,
            min_similarity,
            exclude_self=exclude_self,
            min_confidence=min_confidence,
            classify=classify,
            class_name=class_name,
            class_confidence=class_confidence,
            regions=regions,
            collapse=collapse,
        )
        documents = []
        for each in queries:
            wanted = each if isinstance(each, Query) else Query(each)
            documents.append((yield from wanted.over(common).document()))
        said = yield from self._json("POST", f"{self._path}/search/batch", json={"queries": documents})
        return [result_or_error(self._connection, each) for each in said["results"]]


class Collection(CollectionVerbs[Job], BlockingHandle):
    def __init__(self, driver: BlockingDriver, name: str) -> None:
        super().__init__(name)
        self._driver = driver

    def _job(self, info: JobInfo) -> Job:
        return Job(self._driver, info)


class AsyncCollection(CollectionVerbs[AsyncJob], AwaitedHandle):
    def __init__(self, driver: AwaitedDriver, name: str) -> None:
        super().__init__(name)
        self._driver = driver

    def _job(self, info: JobInfo) -> AsyncJob:
        return AsyncJob(self._driver, info)
