"""The run itself: steps in one process or several of one thread each, checkpoints, the curve.

Everything that is drawn is drawn by the seed and the number of the step, so a run that goes on from a checkpoint takes the steps that
it would have taken. By steps (`steps`) the same weights come out whether it was stopped or not; by the clock (`minutes`) the
schedule depends on how fast the machine was.
"""

import math
import multiprocessing
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy
import torch
from files import Refused, write_text, written_whole
from judge import Judge
from network import Student
from pool import LEARN, Pool
from replay import SIDE, Replay
from targets import make_targets
from teacher import Teacher
from torch import distributed
from torch.nn import functional
from views import draw_sample, views

FRESH = 3  # of so many steps one learns from new samples, the others from those of before
PARTS = 8  # batches of before that such a step draws from
TEMPERATURE = 0.1
QUEUE = 4096  # photos whose likeness a sample's is compared by
WARM_UP = 0.05  # share of the run
SIZES = ((0.5, 80), (0.8, 96), (1.0, 112))  # until which share of the run pictures have how many pixels
MOST_GRADIENT = 2.0


@dataclass
class Settings:
    photos: str
    teacher: str
    minutes: float | None = 30.0
    steps: int | None = None  # in place of minutes
    dimensions: int = 256
    batch: int = 64  # of all processes together
    processes: int = 1
    replay: int = 1500  # batches that a process keeps
    rate: float = 3e-3
    decay: float = 0.02
    unseen: float = 0.2
    seed: int = 1
    device: str = "cpu"
    judgements: int = 8
    checkpoint_s: float = 60.0


def size_at(share):
    return next(size for until, size in SIZES if share < until or until == 1.0)


def rate_at(rate, share):
    if share < WARM_UP:
        return rate * share / WARM_UP
    return rate * (1 + math.cos(math.pi * min(1.0, (share - WARM_UP) / (1 - WARM_UP)))) / 2


def scaled(pictures, size):
    """Bytes to what the student takes, `size` pixels wide."""
    pictures = pictures.float()
    if pictures.shape[-1] != size:
        pictures = functional.interpolate(pictures, (size, size), mode="bilinear", antialias=True)
    return (pictures / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def loss_of(said, wanted, queue, variance):
    """Of the student's and the teacher's values [n, d]; `queue`: of other photos, of unit length."""
    s, t = functional.normalize(said), functional.normalize(wanted)
    value = (said - wanted).square().mean() / variance + (1 - (s * t).sum(1)).mean()
    value = value + 5 * (s @ s.T - t @ t.T).square().mean()
    # How like each of many other photos it is (Fang et al. 2021, SEED).
    of_teacher = functional.softmax(t @ queue.T / TEMPERATURE, 1)
    of_student = functional.log_softmax(s @ queue.T / TEMPERATURE, 1)
    return value + functional.kl_div(of_student, of_teacher, reduction="batchmean")


class Run:
    """One process's part of a run. `teacher`, `pool` and `targets` are there already."""

    def __init__(self, settings, folder, rank, pool, teacher, targets):
        self.settings, self.folder, self.rank = settings, folder, rank
        self.pool, self.teacher, self.targets = pool, teacher, targets
        self.device = torch.device(settings.device)
        self.each = settings.batch // settings.processes
        self.learnt = pool.rows(LEARN)
        self.replay = Replay(
            folder / f"replay-{rank}", settings.replay, self.each, targets.dimensions, self.fresh_batch
        )
        clean = torch.from_numpy(targets.clean[self.learnt])
        self.variance = float(clean.var(0).mean())
        self.clean = functional.normalize(clean).to(self.device)
        torch.manual_seed(settings.seed)
        self.student = Student(targets.dimensions).to(self.device, memory_format=torch.channels_last)
        matrices = [p for p in self.student.parameters() if p.ndim > 1]
        others = [p for p in self.student.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}],
            lr=settings.rate,
            betas=(0.9, 0.99),
        )
        self.step, self.elapsed, self.losses, self.curve = 0, 0.0, [], []
        self.judge = Judge(pool, targets, teacher, self.device) if rank == 0 else None

    # --- samples ---

    def fresh_batch(self, number):
        # Processes take turns in numbering, so no two make the same sample.
        first = ((number - 1) * self.settings.processes + self.rank) * self.each
        samples = [
            draw_sample(self.settings.seed, first + i, self.learnt, self.pool.aspects) for i in range(self.each)
        ]
        for_teacher, for_student = views(
            samples, self.pool.pixels, self.teacher.width, self.teacher.height, SIDE, self.device
        )
        return for_student.cpu().numpy(), self.targets.of(self.teacher(for_teacher.cpu().numpy()))

    def batch(self):
        made = self.step // FRESH + 1
        if self.step % FRESH == 0:
            return self.replay.batch(made)
        random = numpy.random.Generator(numpy.random.Philox(key=[self.settings.seed, self.step * 64 + self.rank + 1]))
        return self.replay.some(random, made, PARTS)

    # --- steps ---

    @property
    def share(self):
        """Of the run that is over, 0 to 1."""
        if self.settings.steps is not None:
            return min(1.0, self.step / self.settings.steps)
        return min(1.0, self.elapsed / (60 * self.settings.minutes))

    def learn(self):
        began = time.perf_counter()
        pictures, wanted = (torch.from_numpy(part).to(self.device) for part in self.batch())
        generator = torch.Generator().manual_seed((self.settings.seed << 40) + self.step * 64 + self.rank)
        queue = self.clean[torch.randint(len(self.clean), (QUEUE,), generator=generator).to(self.device)]
        self.student.train()
        with torch.autocast(self.device.type, torch.bfloat16):
            said = self.student(scaled(pictures, size_at(self.share)))
        loss = loss_of(said.float(), wanted, queue, self.variance)
        self.optimizer.zero_grad()
        loss.backward()
        loss, spent = self.agree(loss.item(), time.perf_counter() - began)
        if not math.isfinite(loss):
            raise Refused(f"step {self.step}: the loss is no number any more; a smaller --rate is needed")
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), MOST_GRADIENT)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.settings.rate, self.share)
        self.optimizer.step()
        self.losses.append(loss)
        self.step += 1
        self.elapsed += spent

    def agree(self, *told):
        """Gradients, and what is told, become the mean over all processes: so the clock is the same in each, too."""
        if self.settings.processes == 1:
            return told
        gradients = [parameter.grad for parameter in self.student.parameters()]
        flat = torch.cat([gradient.flatten() for gradient in gradients] + [torch.tensor(told)])
        distributed.all_reduce(flat)
        flat /= self.settings.processes
        place = 0
        for gradient in gradients:
            gradient.copy_(flat[place : place + gradient.numel()].view_as(gradient))
            place += gradient.numel()
        return flat[place:].tolist()

    # --- keeping ---

    @property
    def checkpoint(self):
        return self.folder / "checkpoint.pt"

    def keep(self):
        state = {
            "student": self.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "losses": self.losses,
            "curve": self.curve,
        }
        with written_whole(self.checkpoint) as out:
            torch.save(state, out)

    def go_on(self):
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed = state["step"], state["elapsed"]
        self.losses, self.curve = state["losses"], state["curve"]

    def tell_curve(self):
        """Judges the student as it is, and writes the curve anew."""
        loss = round(sum(self.losses) / len(self.losses), 5) if self.losses else ""
        self.losses = []
        row = {
            "step": self.step,
            "train_s": round(self.elapsed, 1),
            "pixels": size_at(self.share),
            "samples": self.step * self.settings.batch,
            "loss": loss,
            **{name: round(value, 4) for name, value in self.judge(self.student).items()},
        }
        self.curve.append(row)
        lines = [",".join(row), *(",".join(map(str, one.values())) for one in self.curve)]
        write_text(self.folder / "curve.csv", "\n".join(lines) + "\n")
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)

    def go(self):
        self.go_on()
        if self.rank == 0 and not self.curve:
            self.tell_curve()
        kept = time.monotonic()
        while self.share < 1:
            self.learn()
            if self.rank != 0:
                continue
            due = self.share * self.settings.judgements >= len(self.curve)
            if due:
                self.tell_curve()
            if due or time.monotonic() - kept >= self.settings.checkpoint_s:
                self.keep()
                kept = time.monotonic()


def work(settings, folder, rank, rendezvous, pool=None, teacher=None, targets=None):
    """What one process does. Those beside the first read what it has made."""
    torch.set_num_threads(1 if settings.processes > 1 else len(os.sched_getaffinity(0)))
    if settings.processes > 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        distributed.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=settings.processes
        )
    if pool is None:
        pool, teacher = Pool(folder), Teacher(settings.teacher, 1)
        targets = make_targets(pool, teacher, settings.dimensions, folder)
    run = Run(settings, folder, rank, pool, teacher, targets)
    run.go()
    if settings.processes > 1:
        distributed.destroy_process_group()
    return run


def train(settings, folder, pool, teacher, targets):
    """The run at its end, of the first process; what `folder` holds of it is gone on with."""
    rendezvous = Path(folder) / f"rendezvous-{os.getpid()}"
    others = [
        multiprocessing.get_context("spawn").Process(
            target=work, args=(settings, folder, rank, rendezvous), daemon=True
        )
        for rank in range(1, settings.processes)
    ]
    try:
        for other in others:
            other.start()
        run = work(settings, folder, 0, rendezvous, pool, Teacher(settings.teacher, 1) if others else teacher, targets)
        for other in others:
            other.join()
        return run
    finally:
        rendezvous.unlink(missing_ok=True)


def described(settings):
    """What a folder's run was asked for: another one is not gone on with."""
    told = asdict(settings)
    return {name: value for name, value in told.items() if name not in ("checkpoint_s",)}
