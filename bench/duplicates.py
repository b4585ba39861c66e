"""How well `eidetic duplicates` finds edited copies: precision and recall.

    bench/duplicates.py BUILD PHOTOS [--seed N] [--model BUNDLE] [--verify WHICH]

PHOTOS holds labels.csv and the photographs that it names. 200 of them are drawn, and an edited copy of each is put
among all: cropped to 60 to 90 % of its area, resized by 0.4 to 2, recompressed at a quality of 10 to 30, mirrored,
recoloured (brightness, saturation, grey, contrast, tint), written on in a line across, and two or three of these at
once; an eighth of each kind. What is found is judged by where pictures come from:

recall     the share of the copies that are in one group with the photograph they were made from
precision  the share of the members of groups, centres left out, that come from the photograph that the centre comes from

SAME below are photographs that are edits of one picture to begin with: all pairs that looked alike or were found,
looked at by eye. The rule: one and the same photograph or drawing, but for crop, scale, colours, and what was laid over
it. Another photograph of the same thing, from the same place too, is none, nor is the same symbol drawn anew. Strict
precision counts these as wrong.
"""

import argparse
import csv
import io
import json
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

COPIES = 200
SAME = [
    ("caltech101/brain/013.jpg", "caltech101/brain/016.jpg"),
    ("caltech101/cougar_body/002.jpg", "caltech101/cougar_body/019.jpg"),
    ("caltech101/cougar_face/010.jpg", "caltech101/cougar_face/015.jpg"),
    ("caltech101/lotus/012.jpg", "caltech101/lotus/016.jpg"),
    ("caltech101/nautilus/014.jpg", "caltech101/nautilus/015.jpg"),
    ("caltech101/okapi/009.jpg", "caltech101/okapi/014.jpg"),
    ("caltech101/schooner/012.jpg", "caltech101/schooner/017.jpg"),
    ("caltech101/scorpion/004.jpg", "caltech101/scorpion/007.jpg"),
    ("caltech101/scorpion/006.jpg", "caltech101/scorpion/016.jpg"),
    ("caltech101/soccer_ball/010.jpg", "caltech101/soccer_ball/012.jpg"),
    ("caltech101/starfish/001.jpg", "caltech101/starfish/016.jpg"),
    ("caltech101/windsor_chair/002.jpg", "caltech101/windsor_chair/009.jpg"),
    ("caltech101/yin_yang/002.jpg", "caltech101/yin_yang/013.jpg"),
]


def crop(image, dice):
    side = dice.uniform(0.6, 0.9) ** 0.5
    width, height = int(image.width * side), int(image.height * side)
    left, top = dice.randint(0, image.width - width), dice.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def resize(image, dice):
    factor = dice.choice([dice.uniform(0.4, 0.8), dice.uniform(1.2, 2)])
    return image.resize((int(image.width * factor), int(image.height * factor)), Image.Resampling.BICUBIC)


def recompress(image, dice):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=dice.randint(10, 30))
    return Image.open(file).convert("RGB")


def mirror(image, dice):
    return ImageOps.mirror(image)


def colour(image, dice):
    def factor(low, high):
        return dice.choice([dice.uniform(*low), dice.uniform(*high)])

    kind = dice.randint(0, 4)
    if kind == 0:
        return ImageEnhance.Brightness(image).enhance(factor((0.6, 0.8), (1.25, 1.5)))
    if kind == 1:
        return ImageEnhance.Color(image).enhance(factor((0.3, 0.6), (1.5, 2)))
    if kind == 2:
        return image.convert("L").convert("RGB")
    if kind == 3:
        return ImageEnhance.Contrast(image).enhance(factor((0.6, 0.8), (1.3, 1.6)))
    gains = [dice.uniform(0.8, 1.2) for _ in range(3)]
    bands = [band.point(lambda level, gain=gain: min(255, int(level * gain))) for band, gain in zip(image.split(), gains)]
    return Image.merge("RGB", bands)


def text(image, dice):
    image = image.copy()
    size = int(image.height * dice.uniform(0.08, 0.15))
    words = dice.choice(["SALE 50% OFF", "Copyright 2024", "me when monday", "www.example.com", "LIMITED OFFER"])
    top = dice.choice([0.03, 0.45, 0.82]) * image.height
    draw = ImageDraw.Draw(image)
    if dice.random() < 0.5:
        bar = "black" if dice.random() < 0.5 else "white"
        draw.rectangle((0, top - 2, image.width, top + size * 1.2), fill=bar)
    left = dice.uniform(0, 0.15) * image.width
    ink = dice.choice([(255, 255, 255), (255, 0, 0), (255, 255, 0), (128, 128, 128)])
    draw.text((left, top), words, font=ImageFont.load_default(size), fill=ink)
    return image


EDITS = {edit.__name__: edit for edit in (crop, resize, recompress, mirror, colour, text)}


def make_copies(photos, folder, seed):
    """Edited copies in `folder`; what each was made from, and how."""
    dice = random.Random(seed)
    with open(photos / "labels.csv") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    made = {}
    for number, name in enumerate(dice.sample(names, COPIES)):
        kind = number % (len(EDITS) + 2)
        steps = [list(EDITS)[kind]] if kind < len(EDITS) else dice.sample(list(EDITS), kind - len(EDITS) + 2)
        image = Image.open(photos / name).convert("RGB")
        for step in steps:
            image = EDITS[step](image, dice)
        copy = f"{number:03d}.jpg"
        image.save(folder / copy, quality=dice.randint(70, 92))
        made[copy] = (name, steps[0] if len(steps) == 1 else f"{len(steps)} edits")
    return names, made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="default")
    parser.add_argument("--verify", default="unsure")
    parser.add_argument("--each", action="store_true", help="name what is missed and what is wrong")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, data = Path(place) / "all", Path(place) / "data"
        (folder / "copies").mkdir(parents=True)
        names, made = make_copies(arguments.photos, folder / "copies", arguments.seed)
        origin = {name: name for name in names}
        for first, second in SAME:
            origin[second] = first
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to((arguments.photos / name).resolve())
        for copy, (name, _) in made.items():
            origin[f"copies/{copy}"] = origin[name]

        def eidetic(*words):
            command = [arguments.build / "eidetic", "--data", data, "--json", *words]
            return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

        eidetic("index", folder, "-c", "photos", "--model", arguments.model)
        report = eidetic("duplicates", "-c", "photos", "--verify", arguments.verify)

    group_of, members, wrong, strictly_wrong = {}, 0, [], 0
    for number, group in enumerate(report["found"]):
        for member in group["members"]:
            group_of[member["id"]] = number
            if member["id"] == group["centre"]:
                continue
            members += 1
            made_from = [made.get(Path(id).name, [id])[0] if id.startswith("copies/") else id
                         for id in (member["id"], group["centre"])]
            strictly_wrong += made_from[0] != made_from[1]
            if origin[member["id"]] != origin[group["centre"]]:
                wrong.append((group["centre"], member))
    kinds, found, missed = Counter(), Counter(), []
    for copy, (name, kind) in made.items():
        kinds[kind] += 1
        there = group_of.get(f"copies/{copy}")
        if there is not None and there == group_of.get(name):
            found[kind] += 1
        else:
            missed.append((copy, name, kind))
    print(f"{report['items']} items, {report['groups']} groups, {report['pairs']} pairs, {report['verified']} by pixels, "
          f"{report['seconds']:.1f} s")
    print(f"recall {sum(found.values()) / COPIES:.3f}, precision {1 - len(wrong) / max(1, members):.3f} "
          f"({len(wrong)} of {members} wrong), strict {1 - strictly_wrong / max(1, members):.3f}")
    print(", ".join(f"{kind} {found[kind]}/{kinds[kind]}" for kind in kinds))
    if arguments.each:
        for line in missed:
            print("missed", *line)
        for centre, member in wrong:
            print("wrong", centre, member)


if __name__ == "__main__":
    main()
