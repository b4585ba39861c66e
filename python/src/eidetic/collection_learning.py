"""What a collection learns: classes, what its similarities are worth, a model of its own, and the change to another one."""

from __future__ import annotations

from typing import List, Optional, Sequence

from .collection_named import J, NamedCollection
from .exchange import document, segment
from .learning import CalibrationInfo, ClassifierInfo, Evaluation
from .parsing import parse
from .results import CollectionInfo, JobInfo, ModelComparison
from .steps import Op, verb


class LearningVerbs(NamedCollection[J]):
    # --- another model, another place ---

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
    def copy(
        self,
        to: str,
        *,
        name: Optional[str] = None,
        index: Optional[str] = None,
        searches: Optional[int] = None,
        min_agreement: Optional[float] = None,
        wait: bool = True,
        progress: bool = True,
    ) -> Op[J]:
        """Copies the collection into another backend of the server while it is searched and written to, as a job. The
        copy is complete when the job is done; after one that was stopped, the same call goes on. Needs the role admin.

        Args:
            to: "embedded", or the URL of a search engine of the server's configuration.
            name: the copy's; None: as it is, and the copy is reached as NAME@URL where both would have the same.
            index: the copy's; None: the same where that is possible there, else "auto".
            searches: how many are compared at the end; None: 100.
            min_agreement: share of their ten nearest that has to be the same; None: 0.9.
            wait: return when the job has ended.
            progress: meanwhile show a bar, where tqdm is installed.

        Raises `InvalidArgument`, `AlreadyExists`, `Unreachable`, and when it waits `JobFailed`.
        """
        wanted = {"to": to, **document(**{"as": name}, index=index, searches=searches, min_agreement=min_agreement)}
        job = self._job(JobInfo.of((yield from self._json("POST", f"{self._path}/copy", json=wanted))))
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
