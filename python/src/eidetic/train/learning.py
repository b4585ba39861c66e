"""fine_tune: the run itself."""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from ..errors import EideticError, InvalidArgument, Unsupported
from .measures import rank
from .networks import make_network, write_bundle
from .options import Options
from .pictures import Picture, Pixels, collect, divide
from .report import Epoch, Report, write_epochs, write_json, write_whole

MOST_WORST = 20
AT_ONCE = 32  # pictures embedded together, held out


def fine_tune(
    folder: Union[str, Path],
    options: Optional[Options] = None,
    *,
    progress: Optional[Callable[[Epoch], None]] = None,
    **changes: Any,
) -> Report:
    """Learns from the labelled pictures of `folder`, and makes a model bundle.

    What is made on the way is kept in the output folder after every epoch: the same call goes on from there. What is
    there of other options or pictures is passed over.

    Args:
        folder: pictures, in a folder a class, or as `meta` says.
        options: what is not given has the defaults of `Options`.
        progress: gets each epoch as it ends.
        **changes: single options by name, over `options`: `fine_tune("shoes", trunk="mobilenet_v3_small", epochs=5)`.

    Raises:
        InvalidArgument: an option is not possible, or there is nothing to learn.
        NotFound: there is no such folder.
        Unavailable: weights that cannot be fetched.
        Unsupported: PyTorch is not installed.
        EideticError: the loss is no number any more.
    """
    try:
        import pytorch_metric_learning  # noqa: F401
        import tensorboard  # noqa: F401
        import torch  # noqa: F401
        import torchvision  # noqa: F401
    except ImportError as error:
        raise Unsupported(f"fine-tuning needs PyTorch ({error}): pip install 'eidetic[train]'") from error
    given = asdict(options or Options())
    unknown = [name for name in changes if name not in given]
    if unknown:
        raise InvalidArgument(f"'{unknown[0]}' is no option; there are {', '.join(given)}")
    return Run(Path(folder), Options(**{**given, **changes})).go(progress)


def make_loss(options: Options, classes: int) -> Any:
    """As docs/training.md says what margin and scale mean."""
    from pytorch_metric_learning import losses

    width = options.embedder_layers[-1]

    def given(margin: str, scale: str = "") -> Dict[str, float]:
        told = {margin: options.margin, scale: options.scale}
        return {name: value for name, value in told.items() if name and value is not None}

    if options.loss == "circle":
        return losses.CircleLoss(**{"m": 0.4, "gamma": 80, **given("m", "gamma")})
    if options.loss == "triplet":
        return losses.TripletMarginLoss(**given("margin"))
    if options.loss == "multi_similarity":
        return losses.MultiSimilarityLoss(**given("base", "beta"))
    if options.loss == "proxy_anchor":
        return losses.ProxyAnchorLoss(classes, width, **given("margin", "alpha"))
    if options.loss == "arcface":
        return losses.ArcFaceLoss(classes, width, **given("margin", "scale"))
    return losses.ContrastiveLoss(**given("neg_margin"))


def make_miner(options: Options) -> Any:
    from pytorch_metric_learning import miners

    if options.loss in ("proxy_anchor", "arcface") or options.miner == "none":
        return None
    if options.miner == "multi_similarity":
        return miners.MultiSimilarityMiner(epsilon=0.1)
    if options.miner == "semi_hard":
        return miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")
    return miners.BatchHardMiner()


class Run:
    def __init__(self, folder: Path, options: Options) -> None:
        import torch

        options.check()
        self.options = options
        self.folder = Path(options.output or f"{options.name}-training").absolute()
        self.report = Report(name=options.name, folder=str(self.folder))
        found = collect(folder, options)
        self.learnt, self.held_out = divide(found.pictures, options)
        self.class_names = found.class_names
        self.report.errors = found.errors
        self.report.items, self.report.classes = len(found.pictures), len(found.class_names)
        self.report.learnt, self.report.held_out = len(self.learnt), len(self.held_out)
        content = json.dumps([self.described(), [[p.id, p.label, p.path.stat().st_mtime_ns] for p in found.pictures]])
        self.key = hashlib.sha256(content.encode()).hexdigest()
        wanted = options.device
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise InvalidArgument(f"device: '{wanted}': PyTorch sees no GPU")
        torch.manual_seed(options.seed)
        self.network = make_network(options).to(self.device)
        self.loss, self.miner = make_loss(options, len(found.class_names)).to(self.device), make_miner(options)
        kind = torch.optim.AdamW if options.optimizer == "adamw" else torch.optim.Adam
        parameters = [*self.network.parameters(), *self.loss.parameters()]
        self.optimizer = kind(parameters, lr=options.lr, weight_decay=options.weight_decay)
        self.best: Dict[str, Any] = {}

    def described(self) -> Dict[str, Any]:
        return {name: value for name, value in asdict(self.options).items() if name not in ("output", "device")}

    def go(self, progress: Optional[Callable[[Epoch], None]]) -> Report:
        start, report = time.perf_counter(), self.report
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "training.json", asdict(self.options))
        labels = [picture.label for picture in self.held_out]
        trunk_alone, _ = self.embedded(self.held_out)
        before = rank(trunk_alone, labels)
        report.before, report.before_margin = before[0], before[1]
        self.go_on()
        while not self.done():
            epoch = self.epoch(labels)
            self.keep()
            write_epochs(self.folder, report.epochs)
            if progress:
                progress(epoch)
        self.network.load_state_dict(self.best)
        after = rank(self.embedded(self.held_out)[1], labels)
        report.after, report.after_margin = after[0], after[1]
        worst = sorted(after[2].items(), key=lambda one: one[1][1]["map_at_r"])[:MOST_WORST]
        report.worst = [{"class": self.class_names[label], "queries": of[0], **of[1]} for label, of in worst]
        told = (
            f"{self.options.embedder_layers[-1]} values learnt from {report.learnt} pictures of {report.classes} "
            f"classes on {self.options.trunk}"
        )
        report.model = str(write_bundle(self.folder, self.network, self.options, told))
        report.seconds = time.perf_counter() - start
        write_json(self.folder / "report.json", report.to_json())
        return report

    # --- epochs ---

    def done(self) -> bool:
        past, patience = len(self.report.epochs), self.options.patience
        return past >= self.options.epochs or (patience > 0 and past >= self.report.best_epoch + patience)

    def rate_at(self, moment: float) -> float:
        """The learning rate at a moment, in epochs."""
        options = self.options
        if moment < options.warmup:
            return options.lr * moment / options.warmup
        if options.schedule == "constant":
            return options.lr
        share = min(1.0, (moment - options.warmup) / max(1e-9, options.epochs - options.warmup))
        return options.lr * (1 + math.cos(math.pi * share)) / 2

    def batches(self, epoch: int) -> Any:
        """Drawn by the seed and the epoch alone, so that a run that goes on takes the same."""
        import numpy
        import torch
        from pytorch_metric_learning.samplers import MPerClassSampler

        options, seed = self.options, self.options.seed * 100_003 + epoch
        torch.manual_seed(seed)
        numpy.random.seed(seed % (1 << 32))  # what the sampler draws with
        labels = [picture.label for picture in self.learnt]
        size = options.batch_size
        sampler = None
        if options.sampler_m > 0:
            size = min(size, options.sampler_m * len(set(labels)))
            sampler = MPerClassSampler(labels, options.sampler_m, size, max(size, len(labels)))
        workers = 0 if self.device.type == "cpu" else 8
        return torch.utils.data.DataLoader(
            Pixels(self.learnt, options.input_size, options.augment, seed),
            size,
            shuffle=sampler is None,
            sampler=sampler,
            drop_last=len(labels) >= size,
            num_workers=workers,
        )

    def epoch(self, held_out_labels: Sequence[int]) -> Epoch:
        start, number = time.perf_counter(), len(self.report.epochs) + 1
        batches = self.batches(number)
        total, mined, rate = 0.0, 0, 0.0
        self.network.train()
        for place, (pictures, labels) in enumerate(batches, 1):
            rate = self.rate_at(number - 1 + place / len(batches))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            embeddings = self.network(pictures.to(self.device))
            labels = labels.to(self.device)
            pairs = None if self.miner is None else self.miner(embeddings, labels)
            loss = self.loss(embeddings, labels, pairs)
            if not math.isfinite(loss.item()):
                raise EideticError(
                    f"epoch {number}: the loss is no number any more; a smaller lr than {self.options.lr} is needed"
                )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            if pairs is not None:
                mined += len(pairs[0]) + (len(pairs[2]) if len(pairs) == 4 else 0)
        _, vectors = self.embedded(self.held_out)
        measures = rank(vectors, held_out_labels)[0]
        count = len(batches)
        epoch = Epoch(number, total / count, rate, mined / count, measures, time.perf_counter() - start)
        best = max((one.held_out["map_at_r"] for one in self.report.epochs), default=-1.0)
        self.report.epochs.append(epoch)
        if measures["map_at_r"] > best:
            self.report.best_epoch = number
            self.best = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
        return epoch

    def embedded(self, pictures: Sequence[Picture]) -> Tuple[Any, Any]:
        """Of each picture as it is: what the trunk gives, and what the head makes of it."""
        import torch

        self.network.eval()
        trunk, head = self.network
        features: List[Any] = []
        vectors: List[Any] = []
        with torch.no_grad():
            for some, _ in torch.utils.data.DataLoader(Pixels(pictures, self.options.input_size), AT_ONCE):
                of_trunk = trunk(some.to(self.device))
                features.append(of_trunk.flatten(1).cpu())
                vectors.append(head(of_trunk).cpu())
        return torch.cat(features).numpy(), torch.cat(vectors).numpy()

    # --- keeping ---

    def keep(self) -> None:
        import torch

        content = io.BytesIO()
        state = {
            "key": self.key,
            "network": self.network.state_dict(),
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epochs": [asdict(epoch) for epoch in self.report.epochs],
            "best": self.best,
            "best_epoch": self.report.best_epoch,
        }
        torch.save(state, content)
        write_whole(self.folder / "checkpoint", content.getvalue())

    def go_on(self) -> None:
        import torch

        file = self.folder / "checkpoint"
        if not file.exists():
            return
        try:
            state = torch.load(file, map_location=self.device, weights_only=True)
        except Exception:  # a checkpoint that cannot be read is none
            return
        if state.get("key") != self.key:
            return
        self.network.load_state_dict(state["network"])
        self.loss.load_state_dict(state["loss"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.report.epochs = [Epoch(**one) for one in state["epochs"]]
        self.best, self.report.best_epoch = state["best"], state["best_epoch"]
