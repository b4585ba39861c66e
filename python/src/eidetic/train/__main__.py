"""python -m eidetic.train FOLDER"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import MISSING, fields
from typing import Any, List, Optional

from ..errors import EideticError
from . import Epoch, Options, Report, fine_tune

NUMBERS = {"float": float, "int": int, "Optional[float]": float}


def parsed(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m eidetic.train", description="Fine-tune a whole network on labelled pictures"
    )
    parser.add_argument("folder", metavar="FOLDER", help="of pictures, in a folder a class, or with --meta")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    for one in fields(Options):
        flags = ["--" + one.name.replace("_", "-"), *one.metadata["flags"]]
        if isinstance(one.default, bool):
            parser.add_argument(*flags, action="store_true", help=one.metadata["help"])
            continue
        default = one.default if one.default is not MISSING else ""
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        told = "" if shown in ("", None) else f" (default: {shown})"
        kind: Any = NUMBERS.get(str(one.type), str)
        if isinstance(default, tuple):
            kind = layers
        parser.add_argument(*flags, type=kind, default=default, help=one.metadata["help"] + told)
    return parser.parse_args(arguments)


def layers(text: str) -> tuple[int, ...]:
    return tuple(int(width) for width in text.split(","))


def tell(epoch: Epoch, of: int) -> None:
    told = epoch.held_out
    print(
        f"epoch {epoch.number:>4} of {of}  loss {epoch.loss:<10.5g} MAP@R {told['map_at_r']:.4f}  "
        f"P@1 {told['p_at_1']:.4f}  {epoch.seconds:.1f} s",
        flush=True,
    )


def print_report(report: Report) -> None:
    print(f"{'measure':<12} {'trunk alone':>18} {'with the head':>18}")
    for name in report.before:
        before = f"{report.before[name]:.4f} ± {report.before_margin[name]:.4f}"
        print(f"{name:<12} {before:>18} {report.after[name]:.4f} ± {report.after_margin[name]:.4f}")
    for file, why in report.errors.items():
        print(f"not read: {file}: {why}", file=sys.stderr)
    print(
        f"model {report.name}: learnt from {report.learnt} pictures of {report.classes} classes, {report.held_out} "
        f"held out, best after epoch {report.best_epoch}, in {report.seconds:.1f} s\n"
        f"use it: eidetic index FOLDER -c NAME --model {report.model}"
    )


def main(arguments: Optional[List[str]] = None) -> int:
    given = vars(parsed(arguments))
    folder, as_json = given.pop("folder"), given.pop("json")
    options = Options(**given)
    try:
        report = fine_tune(folder, options, progress=None if as_json else lambda epoch: tell(epoch, options.epochs))
    except (EideticError, OSError) as error:
        print(f"eidetic.train: {getattr(error, 'detail', error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what is learnt is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        print_report(report)
    return 3 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
