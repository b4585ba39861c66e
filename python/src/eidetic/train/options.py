"""What a fine-tuning can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from ..errors import InvalidArgument

LOSSES = ("circle", "triplet", "multi_similarity", "proxy_anchor", "arcface", "contrastive")
MINERS = ("none", "multi_similarity", "semi_hard", "hard")
FOLDER_LABEL = "@folder"


def told(default: Any, text: str, *flags: str) -> Any:
    return field(default=default, metadata={"help": text, "flags": flags})


@dataclass(frozen=True)
class Options:
    """Names and meanings are those of `eidetic train`; what a whole network needs beside it comes last."""

    name: str = told("metric_project", "of the new model")
    label: str = told(FOLDER_LABEL, "column of --meta whose equal values are alike; @folder: the folder")
    meta: str = told("", "CSV with the columns file and --label, and --group where that is given")
    embedder_layers: Tuple[int, ...] = told((1024, 1024, 1024), "outputs of the head's layers, N,…")
    split: float = told(0.7, "share of the pictures that is learnt from")
    split_by: str = told("within", "within: hold out a part of each class; classes: whole classes")
    group: str = told("", "column of --meta: equal values are never learnt from and held out both")
    loss: str = told("circle", ", ".join(LOSSES))
    margin: Optional[float] = told(None, "of the loss; by default the loss's own")
    scale: Optional[float] = told(None, "of the loss; by default the loss's own")
    miner: str = told("multi_similarity", ", ".join(MINERS))
    batch_size: int = told(8, "pictures of a step")
    sampler_m: int = told(2, "of each class in a batch; 0: whatever their class")
    epochs: int = told(10, "rounds over the pictures")
    lr: float = told(1e-5, "learning rate")
    weight_decay: float = told(1e-4, "weight decay")
    optimizer: str = told("adam", "adam, adamw")
    warmup: float = told(0.0, "epochs in which the learning rate rises")
    schedule: str = told("constant", "of the learning rate: constant, cosine")
    patience: int = told(0, "end after so many epochs without a better MAP@R; 0: never")
    seed: int = told(1, "of all that is drawn")
    output: str = told("", "folder of checkpoint, logs, report and model; by default NAME-training", "-o")
    trunk: str = told("resnet50", "torchvision's name of a network", "--trunk-model")
    weights: str = told(
        "default", "the trunk begins with: default: torchvision's, fetched; none: chance; or a file of them"
    )
    input_size: int = told(300, "pixels that pictures are stretched to, both ways")
    augment: bool = told(False, "learn from crops of 0.16 to 1 of a picture, mirrored or not, instead of the whole")
    device: str = told("auto", "auto: a GPU where there is one; cpu, cuda, cuda:1 …")

    def check(self) -> None:
        """Raises InvalidArgument, naming the option."""
        choices: Dict[str, Tuple[str, ...]] = {
            "loss": LOSSES,
            "miner": MINERS,
            "split_by": ("within", "classes"),
            "optimizer": ("adam", "adamw"),
            "schedule": ("constant", "cosine"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InvalidArgument(f"{name}: '{getattr(self, name)}' is not known; there are {', '.join(known)}")
        if not 0 < self.split < 1:
            raise InvalidArgument(f"split: {self.split}: above 0 and below 1 is possible")
        if not self.embedder_layers or any(not 1 <= width <= 16384 for width in self.embedder_layers):
            raise InvalidArgument("embedder_layers: at least one of 1 to 16384 values is needed")
        if self.batch_size < 2 or (self.sampler_m > 0 and self.batch_size % self.sampler_m):
            raise InvalidArgument(
                f"batch_size: {self.batch_size}: 2 or more are possible, a multiple of the {self.sampler_m} of a class"
            )
        least = {
            "epochs": 1,
            "sampler_m": 0,
            "patience": 0,
            "seed": 0,
            "input_size": 32,
            "weight_decay": 0,
            "warmup": 0,
        }
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InvalidArgument(f"{name}: {getattr(self, name)}: {value} or more is possible")
        if not 0 < self.lr <= 100:
            raise InvalidArgument(f"lr: {self.lr}: above 0 and up to 100 is possible")
        for name in ("label", "group"):
            if getattr(self, name) not in ("", FOLDER_LABEL) and not self.meta:
                raise InvalidArgument(f"{name}: '{getattr(self, name)}' is a column of meta, and no meta is given")
