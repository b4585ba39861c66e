"""How good a collection is, and what it learns: measures, trainings, classifiers, calibrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .parsing import parse


@dataclass(frozen=True)
class Measures:
    """Of retrieval, 0 to 1; docs/cli.md, at `eidetic eval`, has the definitions."""

    p_at_1: float
    p_at_10: float
    r_precision: float
    map: float
    map_at_r: float
    mrr: float


@dataclass(frozen=True)
class ClassMeasures(Measures):
    """Means over the queries of one class."""

    class_name: str
    queries: int


@dataclass(frozen=True)
class Evaluation(Measures):
    """Means over the queries."""

    collection: str
    label: str
    queries: int
    classes: int
    unlabelled: int
    margin: Measures  # half of the 95 % confidence interval of each mean
    recall_at: Dict[int, float]
    nmi: float  # of k-means clusters against the classes; adjusted for chance: `ami`
    ami: float
    by_class: List[ClassMeasures]  # the worst MAP@R first

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Evaluation:
        recall_at = {int(k): share for k, share in said["recall_at"].items()}
        by_class = [parse(ClassMeasures, {**one, "class_name": one["class"]}) for one in said["by_class"]]
        return parse(cls, {**said, "margin": parse(Measures, said["margin"]), "recall_at": recall_at, "by_class": by_class})


@dataclass(frozen=True)
class TrainEpoch(Measures):
    """A round of a training over its pictures, with the measures of those held out."""

    epoch: int  # from 1
    loss: float  # mean over the batches
    lr: float  # the learning rate at its end
    mined: float  # pairs and triplets a batch, mean
    seconds: float


@dataclass(frozen=True)
class Confusion:
    """Pictures held out whose nearest other one is of another class, with the head."""

    class_name: str
    taken_for: str
    count: int
    id: str  # with `nearest`, those two that are nearest to each other
    nearest: str
    similarity: float  # their cosine


@dataclass(frozen=True)
class Placed:
    """Where a picture held out lies in the plane, near to those that it is like (UMAP): x and y."""

    class_name: str
    before: Tuple[float, float]  # by the trunk alone
    after: Tuple[float, float]  # with the head


@dataclass(frozen=True)
class TrainReport:
    """What a training has learnt, as far as it is. Measures are of the pictures held out; margins are half of the 95 %
    confidence intervals."""

    model: str  # its folder on the server; "": it is not there yet
    items: int  # with a label, and a picture that could be read
    classes: int
    learnt: int  # items that are learnt from
    held_out: int
    failed: int  # pictures that could not be read
    before: Measures  # by the trunk alone
    before_margin: Measures
    after: Measures  # by the best epoch
    after_margin: Measures
    best_epoch: int  # by MAP@R
    worst: List[ClassMeasures]  # the worst MAP@R first
    seconds: float
    interrupted: bool  # not at its end: the same request goes on from there
    confusions: Sequence[Confusion] = ()  # the most first
    epochs: Sequence[TrainEpoch] = ()  # not in lists
    map: Sequence[Placed] = ()  # of those held out, or 1,000 of them; not in lists

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> TrainReport:
        measures = ("before", "before_margin", "after", "after_margin")
        worst = [parse(ClassMeasures, {**one, "class_name": one["class"]}) for one in said["worst"]]
        epochs = [parse(TrainEpoch, each) for each in said.get("epochs", ())]
        confusions = [parse(Confusion, {**one, "class_name": one["class"]}) for one in said["confusions"]]
        places = [Placed(one["class"], tuple(one["before"]), tuple(one["after"])) for one in said.get("map", ())]
        means = {name: parse(Measures, said[name]) for name in measures}
        return parse(cls, {**said, **means, "worst": worst, "confusions": confusions, "epochs": epochs, "map": places})


@dataclass(frozen=True)
class ClassifierInfo:
    """Classes that a collection has learnt; the items' metadata has theirs in the field `name`."""

    name: str
    kind: str  # "labels", "clusters" or "text"
    label: str  # of "labels": what it was learnt from
    classes: List[str]
    min_confidence: float  # a query of less is searched for in the whole collection
    items: int  # learnt from; 0 of "text"
    held_out: int  # what follows was measured on these, by a head that had not seen them; 0: not measured
    accuracy: float
    calibration_error: float  # expected calibration error of the confidences


@dataclass(frozen=True)
class CalibrationInfo:
    """What a collection's similarities are worth."""

    collection: str
    label: str  # "": learnt without labels, so that the figures are assumed and not measured
    items: int  # searched in
    searches: int  # learnt from
    labels: int  # different ones
    recommended: float  # confidence below which a hit had better not be shown
    lost: float  # share of right first hits below it
    refused: float  # share of searches for what is not there that find nothing at or above it
    calibration_error: Optional[float]  # expected calibration error of first hits, with labels
    bins: List[Dict[str, Any]]  # first hits by tenths of confidence, with labels: predicted, observed, count
