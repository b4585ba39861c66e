"""A collection: its pictures, and searching in it."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Generic, Iterable, List, Mapping, Optional, Sequence, TypeVar, Union

from .drivers import AwaitedDriver, BlockingDriver
from .errors import EideticError, error_of
from .exchange import document, exchange, exchange_json, open_stream, query, read, segment
from .handle import AwaitedHandle, BlockingHandle, Handle
from .job import AsyncJob, Job, JobVerbs
from .learning import CalibrationInfo, ClassifierInfo, Evaluation
from .parsing import parse
from .pictures import Crop, PictureLike, QueryLike, Vector, load
from .results import (
    CollectionInfo,
    CollectionMap,
    Duplicates,
    Facet,
    Hit,
    IndexView,
    Item,
    JobInfo,
    Merged,
    ModelComparison,
    PutResult,
    Report,
    SearchResult,
    SearchWalk,
)
from .search import Query, result_of, result_or_error
from .steps import Emit, Feed, Offload, Op, Request, feed, verb
from .upload import PICTURES, MetadataOf, NewItem, Upload, add_many, facts_beside, upload_folder

J = TypeVar("J", bound=JobVerbs)


class CollectionVerbs(Handle, Generic[J]):
    """A collection by its name; whether the server has it shows when it is used: then `NotFound` is raised."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at {self._connection.url}>"

    def _job(self, info: JobInfo) -> J:
        raise NotImplementedError

    @property
    def _path(self) -> str:
        return f"/v1/collections/{segment(self.name)}"

    def _item(self, id: str) -> str:
        return f"{self._path}/items/{segment(id)}"

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
    def migrate(
        self,
        model: Optional[str] = None,
        *,
        step: str = "migrate",
        drop_failed: bool = False,
        grace_s: Optional[int] = None,
        wait: bool = True,
        progress: bool = True,
    ) -> Op[J]:
        """Changes the collection's model while it is searched and written to, as a job. Vectors of the new model are made
        beside those that are searched, and put in their place at once: `SearchResult.model` says whose were searched.
        `info().migration` tells how far it is. After a job that was stopped, the same call goes on. Needs the role
        admin.

        Args:
            model: the new one, of "migrate" and "prepare".
            step: "migrate", all of it; "prepare", the vectors only, to `compare_models` first; "switch", to what was
                prepared; "rollback", within the time of grace, to the model before.
            drop_failed: remove items that have no picture, or one that cannot be read, when it is switched. Else nothing is
                switched where there are such: `Job.failures` names them by their ids.
            grace_s: how long the old vectors are kept for a rollback, in seconds; 0: not at all; None: 7 days.
            wait: return when the job has ended.
            progress: meanwhile show a bar, where tqdm is installed.

        Raises `InvalidArgument`, `AlreadyExists` while another change is under way, `Unsupported` for bare vectors, and
        when it waits `JobFailed`.
        """
        wanted = document(step=step, model=model, drop_failed=drop_failed or None, grace_s=grace_s)
        job = self._job(JobInfo.of((yield from self._json("POST", f"{self._path}/migrate", json=wanted))))
        if wait:
            yield from job._await(progress)
        return job

    @verb
    def compare_models(
        self, *, sample: Optional[int] = None, seed: Optional[int] = None, label: Optional[str] = None
    ) -> Op[ModelComparison]:
        """What the collection finds with its model and with the one beside it: before the switch of `migrate` the new one,
        within the time of grace after it the old one.

        Args:
            sample: items searched with; None: 100.
            seed: of which items these are; None: 1.
            label: a field of metadata, or "@folder": both are evaluated by it, too.

        Raises `NotFound` where there are no vectors of another model.
        """
        wanted = document(sample=sample, seed=seed, label=label)
        return ModelComparison.of((yield from self._json("POST", f"{self._path}/migrate/compare", json=wanted)))

    @verb
    def cancel_migration(self) -> Op[CollectionInfo]:
        """Before the switch of `migrate`: leaves all as it was, and ends the job. Needs the role admin."""
        return parse(CollectionInfo, (yield from self._json("POST", f"{self._path}/migrate/cancel")))

    @verb
    def finish_migration(self) -> Op[CollectionInfo]:
        """After the switch of `migrate`: gives the vectors of the model before up; there is no way back then. Needs the
        role admin."""
        return parse(CollectionInfo, (yield from self._json("POST", f"{self._path}/migrate/finish")))

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
    def evaluate(self, label: str, *, recall_at: Optional[Sequence[int]] = None) -> Op[Evaluation]:
        """How well the collection finds pictures of the same label: each item's neighbours among all others.

        Args:
            label: a field of metadata, or "@folder", the first folder of the item's id.
            recall_at: the k of recall@k; None: 1, 5 and 10.
        """
        wanted = {"label": label, **({} if recall_at is None else {"recall_at": list(recall_at)})}
        said = yield from self._json("POST", f"{self._path}/evaluate", json=wanted)
        return Evaluation.of(said)

    # --- what it learns of itself ---

    @verb
    def train_classifier(
        self,
        kind: str,
        *,
        name: Optional[str] = None,
        label: Optional[str] = None,
        hidden: Optional[int] = None,
        clusters: Optional[int] = None,
        classes: Optional[Sequence[str]] = None,
        csv: Optional[str] = None,
        min_confidence: Optional[float] = None,
        seed: Optional[int] = None,
    ) -> Op[ClassifierInfo]:
        """Learns classes and gives every item its own, in a metadata field named after the classifier; one of that name
        is replaced. `search` with `classify` then ranks only items of the query's class. Needs the role write.

        Args:
            kind: "labels", learnt from a metadata field; "clusters", groups of pictures that look alike; "text", words
                of which the model's text tower makes vectors, or vectors from elsewhere.
            name: 1 to 64 of A-Z a-z 0-9 _ -; None: "class". Items must not have such a field already.
            label: of "labels": a field of metadata, or "@folder", the first folder of the item's id.
            hidden: of "labels": width of a ReLU layer before the last one, up to 4,096; None: none.
            clusters: of "clusters": how many at most, 2 to 10,000; None: 10.
            classes: of "text": the names; None, and no csv: ten for everyday photographs.
            csv: of "text": content of a CSV, `0,1,…,511,category` and a line a class, in place of a text tower.
            min_confidence: 0 to 1: a query of less is searched for in the whole collection; None: 0.5.
            seed: the same seed and items learn the same; None: 1.

        Raises `AlreadyExists` where items have such a field from elsewhere, `InvalidArgument` where there is too little
        to learn from, `Unsupported` where the model has no text tower.
        """
        wanted = document(
            kind=kind,
            name=name,
            label=label,
            hidden=hidden,
            clusters=clusters,
            classes=None if classes is None else list(classes),
            csv=csv,
            min_confidence=min_confidence,
            seed=seed,
        )
        return parse(ClassifierInfo, (yield from self._json("POST", f"{self._path}/classifiers", json=wanted)))

    @verb
    def train(
        self,
        name: str,
        *,
        label: Optional[str] = None,
        group: Optional[str] = None,
        trunk_model: Optional[str] = None,
        input_size: Optional[int] = None,
        embedder_layers: Optional[Sequence[int]] = None,
        split_by: Optional[str] = None,
        split: Optional[float] = None,
        views: Optional[int] = None,
        loss: Optional[str] = None,
        margin: Optional[float] = None,
        scale: Optional[float] = None,
        miner: Optional[str] = None,
        batch_size: Optional[int] = None,
        sampler_m: Optional[int] = None,
        epochs: Optional[int] = None,
        lr: Optional[float] = None,
        weight_decay: Optional[float] = None,
        optimizer: Optional[str] = None,
        warmup: Optional[float] = None,
        schedule: Optional[str] = None,
        patience: Optional[int] = None,
        seed: Optional[int] = None,
        wait: bool = True,
        progress: bool = True,
    ) -> Op[J]:
        """Learns a model of its own from the collection's labels: an embedding head on the features of a trunk. As a
        job, `Job.epochs` tells how it goes, and `Client.training` what came of it. Cancelled or failed, the same call
        goes on where it was. Needs the role admin.

        Args:
            name: of the new model; `Client.create_collection` takes it as `model`.
            label: a metadata field whose equal values are alike; None: "@folder", the first folder of the item's id.
            group: a metadata field: items of an equal value are all learnt from, or all held out.
            trunk_model: the model whose features are learnt from; None: "default".
            input_size: longer side of the pictures as the trunk gets them, in pixels; None: as its bundle says.
            embedder_layers: outputs of the head's layers; None: 1024, 1024, 1024.
            split_by: "within", a part of each class is held out, or "classes", whole classes are; None: "within".
            split: share of the pictures that is learnt from; None: 0.7.
            views: of each picture, itself and crops of it, 1 to 64; None: 1.
            loss: "circle", "triplet", "multi_similarity", "proxy_anchor", "arcface" or "contrastive"; None: "circle".
            margin, scale: of the loss; None: the loss's own.
            miner: "none", "multi_similarity", "semi_hard" or "hard"; None: "multi_similarity".
            batch_size: pictures of a step, a multiple of `sampler_m`; None: 8. A head alone learns faster with 64.
            sampler_m: of each class in a batch, 0: whatever their class; None: 2.
            epochs: rounds over the pictures; None: 10.
            lr: the learning rate; None: 1e-5. A head alone learns faster with 1e-3.
            weight_decay: None: 1e-4.
            optimizer: "adam" or "adamw"; None: "adam".
            warmup: epochs in which the learning rate rises; None: 0.
            schedule: of the learning rate: "constant" or "cosine"; None: "constant".
            patience: end after so many epochs without a better MAP@R; None: never.
            seed: the same seed, pictures and options learn the same; None: 1.
            wait: return when the job has ended.
            progress: meanwhile show a bar, where tqdm is installed.

        Raises `InvalidArgument` where there is too little to learn from, `NotFound` for a label or trunk that is not
        there, `AlreadyExists` for a name that a model has, and when it waits `JobFailed`.
        """
        wanted = document(
            name=name,
            label=label,
            group=group,
            trunk_model=trunk_model,
            input_size=input_size,
            embedder_layers=None if embedder_layers is None else list(embedder_layers),
            split_by=split_by,
            split=split,
            views=views,
            loss=loss,
            margin=margin,
            scale=scale,
            miner=miner,
            batch_size=batch_size,
            sampler_m=sampler_m,
            epochs=epochs,
            lr=lr,
            weight_decay=weight_decay,
            optimizer=optimizer,
            warmup=warmup,
            schedule=schedule,
            patience=patience,
            seed=seed,
        )
        said = yield from self._json("POST", f"{self._path}/train", json=wanted, repeatable=False)
        job = self._job(JobInfo.of(said))
        if wait:
            yield from job._await(progress)
        return job

    @verb
    def classifiers(self) -> Op[List[ClassifierInfo]]:
        """All classifiers of the collection, in the order of their training."""
        said = yield from self._json("GET", f"{self._path}/classifiers")
        return [parse(ClassifierInfo, each) for each in said["classifiers"]]

    @verb
    def drop_classifier(self, name: str) -> Op[None]:
        """Removes a classifier, with its field in the items' metadata. Needs the role write. Raises `NotFound`."""
        yield from self._send("DELETE", f"{self._path}/classifiers/{segment(name)}")

    @verb
    def calibrate(self, *, label: Optional[str] = None, seed: Optional[int] = None) -> Op[CalibrationInfo]:
        """Learns how likely hits are real matches, by searches with up to 2,000 of the items: from then on hits have a
        `confidence`. Learnt once: again where much has been added. Needs the role write.

        Args:
            label: a field of metadata whose equal values make a match, or "@folder"; None: the widest drop in each list
                of similarities tells.
            seed: the same seed and items learn the same; None: 1.

        Raises `InvalidArgument` for fewer than 100 items, or than 5 labels with two items each.
        """
        wanted = document(label=label, seed=seed)
        return parse(CalibrationInfo, (yield from self._json("POST", f"{self._path}/calibration", json=wanted)))

    @verb
    def calibration(self) -> Op[CalibrationInfo]:
        """As it was learnt last. Raises `NotFound` where it never was."""
        return parse(CalibrationInfo, (yield from self._json("GET", f"{self._path}/calibration")))

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

    # --- adding pictures ---

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
