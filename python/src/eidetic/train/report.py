"""What a fine-tuning says of itself, in the files and with the names of `eidetic train`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List

from .measures import NAMES


@dataclass(frozen=True)
class Epoch:
    number: int
    loss: float
    lr: float
    mined: float  # pairs and triplets a batch, mean
    held_out: Dict[str, float]
    seconds: float


@dataclass
class Report:
    name: str
    folder: str  # of the run
    model: str = ""  # the model bundle's folder
    items: int = 0
    classes: int = 0
    learnt: int = 0
    held_out: int = 0
    errors: Dict[str, str] = field(default_factory=dict)  # picture -> why it cannot be read
    before: Dict[str, float] = field(default_factory=dict)
    before_margin: Dict[str, float] = field(default_factory=dict)
    after: Dict[str, float] = field(default_factory=dict)
    after_margin: Dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    epochs: List[Epoch] = field(default_factory=list)
    worst: List[Dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> Dict[str, Any]:
        document = asdict(self)
        document["failed"] = len(self.errors)
        document["errors"] = [{"id": id, "error": why} for id, why in self.errors.items()]
        document["epochs"] = [
            {
                **one.held_out,
                "epoch": one.number,
                "loss": one.loss,
                "lr": one.lr,
                "mined": one.mined,
                "seconds": one.seconds,
            }
            for one in self.epochs
        ]
        return document


def write_whole(path: Path, content: bytes) -> None:
    """The file appears complete or not at all."""
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def write_json(path: Path, document: Any) -> None:
    write_whole(path, (json.dumps(document, indent=2) + "\n").encode())


def write_epochs(folder: Path, epochs: List[Epoch]) -> None:
    """epochs.csv, and the same as TensorBoard events, both anew: so a run that goes on leaves one curve."""
    from torch.utils.tensorboard import SummaryWriter

    lines = [",".join(["epoch", "loss", "lr", "mined", "seconds", *NAMES])]
    for one in epochs:
        values = [
            one.number,
            one.loss,
            one.lr,
            one.mined,
            round(one.seconds, 3),
            *(one.held_out[name] for name in NAMES),
        ]
        lines.append(",".join(map(str, values)))
    write_whole(folder / "epochs.csv", ("\n".join(lines) + "\n").encode())
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    with SummaryWriter(str(folder)) as writer:
        for one in epochs:
            for name, value in {"loss": one.loss, "lr": one.lr, "mined": one.mined, **one.held_out}.items():
                writer.add_scalar(name, value, one.number)
