"""The labelled pictures of a folder: which there are, which are held out, and their pixels."""

from __future__ import annotations

import csv
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..errors import InvalidArgument, NotFound
from .options import FOLDER_LABEL, Options

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"}


@dataclass(frozen=True)
class Picture:
    id: str  # its path below the folder
    path: Path
    label: int
    group: str  # "": none


@dataclass
class Collection:
    pictures: List[Picture]
    class_names: List[str]
    errors: Dict[str, str]  # id -> why it cannot be read


def upright(path: Path) -> Any:
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def fault_of(path: Path) -> Optional[str]:
    try:
        upright(path)
    except Exception as error:  # whatever a decoder finds wrong with a file
        return str(error)
    return None


def rows_of(folder: Path, options: Options) -> List[Tuple[str, str, str]]:
    """Id, label and group of every labelled picture."""
    if options.meta:
        with open(options.meta, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        wanted = [column for column in ("file", options.label, options.group) if column not in ("", FOLDER_LABEL)]
        missing = [column for column in wanted if rows and column not in rows[0]]
        if not rows or missing:
            raise InvalidArgument(
                f"meta: '{options.meta}' has no column '{missing[0]}'" if missing else "meta: no rows"
            )
        return [
            (row["file"], folder_of(row["file"]) if options.label == FOLDER_LABEL else row[options.label],
             row[options.group] if options.group else "")
            for row in rows
        ]  # fmt: skip
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    ids = [path.relative_to(folder).as_posix() for path in files]
    return [(one, folder_of(one), "") for one in ids]


def folder_of(id: str) -> str:
    return id.split("/")[0] if "/" in id else ""


def collect(folder: Path, options: Options) -> Collection:
    """Raises NotFound and InvalidArgument."""
    if not folder.is_dir():
        raise NotFound(f"'{folder}' is no folder: name one with pictures in it")
    rows = [row for row in rows_of(folder, options) if row[1]]
    with ThreadPoolExecutor() as pool:
        faults = list(pool.map(lambda row: fault_of(folder / row[0]), rows))
    errors = {row[0]: fault for row, fault in zip(rows, faults) if fault is not None}
    names = sorted({row[1] for row in rows if row[0] not in errors})
    numbers = {name: number for number, name in enumerate(names)}
    pictures = [Picture(id, folder / id, numbers[label], group) for id, label, group in rows if id not in errors]
    if len(names) < 2:
        raise InvalidArgument(f"'{folder}' has labelled pictures of {len(names)} classes: at least two are needed")
    return Collection(pictures, names, errors)


def divide(pictures: Sequence[Picture], options: Options) -> Tuple[List[Picture], List[Picture]]:
    """What is learnt from, and what is held out. Raises InvalidArgument where one of them has nothing to compare."""
    draw = random.Random(options.seed)
    kept: List[Picture] = []
    held: List[Picture] = []

    def part(bundles: List[List[Picture]]) -> None:
        draw.shuffle(bundles)
        count = min(max(round(options.split * len(bundles)), 1), max(len(bundles) - 1, 1))
        kept.extend(picture for bundle in bundles[:count] for picture in bundle)
        held.extend(picture for bundle in bundles[count:] for picture in bundle)

    by_class: Dict[int, List[Picture]] = {}
    for picture in pictures:
        by_class.setdefault(picture.label, []).append(picture)
    if options.split_by == "classes":
        part(list(by_class.values()))
    else:
        # A group stays together, and counts for the class of its first picture.
        groups: Dict[str, List[Picture]] = {}
        for picture in pictures:
            groups.setdefault(f"group {picture.group}" if picture.group else f"id {picture.id}", []).append(picture)
        for label in by_class:
            part([group for group in groups.values() if group[0].label == label])
    for which, some in (("learnt from", kept), ("held out", held)):
        labels = [picture.label for picture in some]
        if len(set(labels)) < 2 or len(set(labels)) == len(labels):
            raise InvalidArgument(
                f"of what is {which} no class has two pictures, or there is one class: give more, or another split"
            )
    return kept, held


def random_part(width: int, height: int, draw: random.Random) -> Tuple[int, int, int, int]:
    """Szegedy et al. 2015: left, top, right, bottom of 0.16 to 1 of the area, 3:4 to 4:3."""
    for _ in range(10):
        area = width * height * draw.uniform(0.16, 1)
        ratio = (4 / 3) ** draw.uniform(-1, 1)
        wide, high = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < wide <= width and 0 < high <= height:
            left, top = draw.randint(0, width - wide), draw.randint(0, height - high)
            return left, top, left + wide, top + high
    return 0, 0, width, height


class Pixels:
    """A data set of PyTorch's: [3, size, size] of 0 to 1 less ImageNet's mean, by its deviation, and the label."""

    MEAN = (0.485, 0.456, 0.406)
    DEVIATION = (0.229, 0.224, 0.225)

    def __init__(self, pictures: Sequence[Picture], size: int, augment: bool = False, seed: int = 0) -> None:
        self.pictures, self.size, self.augment, self.seed = pictures, size, augment, seed

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> Tuple[Any, int]:
        import numpy
        import torch
        from PIL import Image

        picture = self.pictures[number]
        image = upright(picture.path)
        if self.augment:
            draw = random.Random(f"{self.seed} {picture.id}")
            image = image.crop(random_part(image.width, image.height, draw))
            if draw.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1) / 255
        mean, deviation = (torch.tensor(one).view(3, 1, 1) for one in (self.MEAN, self.DEVIATION))
        return (pixels - mean) / deviation, picture.label
