"""A small fast model of one's own pictures: a student network learns to say of unlabelled photos what a teacher says.

    python models/default/train PHOTOS --teacher BUNDLE -o FOLDER [--minutes 30]

What is made on the way is kept in FOLDER, so that a run that was stopped or killed is gone on with by the same command. At the end
FOLDER/NAME is a model bundle.
"""

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import torch
from export import checked_by_eidetic, export
from files import Refused, write_json
from pool import LEARN, UNSEEN, VALIDATE, make_pool
from targets import make_targets
from teacher import Teacher
from training import PARTS, Settings, described, train

SOURCE = Path(__file__).resolve().parents[3]


def whole_number(least):
    def parse(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}': {least} or more is possible")
        return int(text)

    return parse


def above_zero(text):
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}': above 0 is possible")
    return value


def parsed(arguments):
    default = Settings("", "")
    cores = len(os.sched_getaffinity(0))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(
        prog="models/default/train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("photos", type=Path, metavar="PHOTOS", help="folder of photos, with folders in it")
    add("--teacher", type=Path, required=True, metavar="BUNDLE", help="folder of a model bundle, ONNX")
    add("-o", "--output", type=Path, required=True, metavar="FOLDER", help="for all that is made")
    add("--name", default="student", help="of the new model (default: student)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=above_zero, help="to learn for, of the clock (default: 30)")
    length.add_argument("--steps", type=whole_number(1), help="to learn for, in place of minutes")
    add("--dimensions", type=whole_number(2), default=default.dimensions, help="of its vectors (default: 256)")
    add("--unseen", type=float, default=default.unseen, metavar="SHARE",
        help="of the classes (folders): put aside to judge by; 0: all is learnt from (default: 0.2)")  # fmt: skip
    add("--batch-size", type=whole_number(16), default=default.batch, help="samples of a step (default: 64)")
    add("--lr", type=above_zero, default=default.rate, help="largest learning rate (default: 0.003)")
    add("--replay", type=whole_number(1), default=default.replay, metavar="BATCHES",
        help="that a process keeps to learn from again, 1.2 MB each of 32 samples (default: 1500)")  # fmt: skip
    add("--processes", type=whole_number(1), help="of one thread each (default: one a core, at most 2; with a GPU 1)")
    add("--device", choices=("cpu", "cuda"), default=device, help=f"to learn on (default here: {device})")
    add("--judgements", type=whole_number(1), default=default.judgements, help="rows of the curve (default: 8)")
    add("--checkpoint-s", type=above_zero, default=default.checkpoint_s, metavar="SECONDS",
        help="between two checkpoints (default: 60)")  # fmt: skip
    add("--seed", type=whole_number(0), default=default.seed, help="of all that is drawn (default: 1)")
    add("--eidetic", default=str(SOURCE / "build/release/eidetic"), metavar="PROGRAM",
        help="that opens the model at the end (default: this checkout's)")  # fmt: skip
    options = parser.parse_args(arguments)
    options.processes = options.processes or (1 if options.device == "cuda" else min(cores, 2))
    if not 0 <= options.unseen < 1:
        parser.error(f"--unseen {options.unseen}: 0 or more and below 1 is possible")
    if options.device == "cuda" and (options.processes > 1 or not torch.cuda.is_available()):
        parser.error("--device cuda: there is no GPU, or more than one process is to share it")
    if options.batch_size % (PARTS * options.processes) != 0:
        parser.error(f"--batch-size {options.batch_size}: a multiple of {PARTS * options.processes} is needed")
    if not options.name.replace("-", "").replace("_", "").replace(".", "").isalnum() or options.name[0] == ".":
        parser.error(f"--name '{options.name}': letters, digits and - _ . are possible")
    return options


def settings_of(options):
    return Settings(
        photos=str(options.photos.resolve()),
        teacher=str(options.teacher.resolve()),
        minutes=None if options.steps else options.minutes or Settings.minutes,
        steps=options.steps,
        dimensions=options.dimensions,
        batch=options.batch_size,
        processes=options.processes,
        replay=options.replay,
        rate=options.lr,
        unseen=options.unseen,
        seed=options.seed,
        device=options.device,
        judgements=options.judgements,
        checkpoint_s=options.checkpoint_s,
    )


@contextmanager
def locked(folder):
    """One run at a time in a folder."""
    import fcntl

    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"'{folder}': another run has this folder; wait for it, or name another") from None
        yield


def same_run(folder, asked):
    """A folder's run is gone on with as it was asked for, or not at all."""
    file = folder / "training.json"
    if not file.exists():
        write_json(file, asked)
        return
    before = json.loads(file.read_text())
    other = [f"{name} {before.get(name)} and now {asked[name]}" for name in asked if before.get(name) != asked[name]]
    if other:
        raise Refused(f"'{folder}' has a run of other options ({', '.join(other)}): give those, or name another folder")


def telling(what):
    def tell(done, total):
        if done % 500 == 0:
            print(f"{what}: {done} of {total}", flush=True)

    return tell


def distil(options):
    settings, folder = settings_of(options), options.output
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        same_run(folder, described(settings))
        teacher = Teacher(settings.teacher, settings.processes)
        pool = make_pool(
            options.photos.resolve(), folder, unseen=settings.unseen, seed=settings.seed, tell=telling("photos")
        )
        for photo in pool.left_out:
            print(f"left out: {photo['file']}: {photo['why']}")
        targets = make_targets(pool, teacher, settings.dimensions, folder, tell=telling("targets"))
        if (folder / "checkpoint.pt").exists():
            print("going on from the checkpoint")
        run = train(settings, folder, pool, teacher, targets)
        first, last = run.curve[0], run.curve[-1]
        counts = {role: len(pool.rows(role)) for role in (LEARN, VALIDATE, UNSEEN)}
        report = {
            "name": options.name,
            "teacher": teacher.name,
            "teacher_license": teacher.license,
            "dimensions": targets.dimensions,
            "learnt": counts[LEARN],
            "validation": counts[VALIDATE],
            "unseen": counts[UNSEEN],
            "unseen_classes": len(set(pool.labels(pool.rows(UNSEEN)))),
            "left_out": len(pool.left_out),
            "steps": run.step,
            "train_s": round(run.elapsed, 1),
            **{name: last[name] for name in ("cosine", "p_at_1", "map") if name in last},
            "untrained": {name: first[name] for name in ("p_at_1", "map") if name in first},
            "of_teacher": {name: round(value, 4) for name, value in run.judge.of_teacher.items()},
        }
        bundle = export(run, folder, options.name, report)
        report["eidetic"] = checked_by_eidetic(options.eidetic, bundle)
        write_json(folder / "report.json", report)
    opened = "not opened, as there is no eidetic there" if report["eidetic"] is None else "opened by eidetic"
    print(f"int8 beside f32: cosine {report['int8_cosine']}; {opened}\nmodel: {bundle}")
    print(f"use it: eidetic index {options.photos} -c NAME --model {bundle}")


def main():
    try:
        distil(parsed(sys.argv[1:]))
    except (Refused, OSError) as error:
        print(f"models/default/train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what is learnt up to the last checkpoint is kept, and the same command goes on from there")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
