#!/usr/bin/python3
"""Renders the emoji of Debian's colour font into a folder of pictures: something to search that every machine has.

    tools/emoji.py FOLDER

FOLDER gets one PNG an emoji, named by its code points (1f600.png), and metadata.csv (file, name, group, subgroup), from the
fully-qualified sequences of emoji-test.txt. It appears complete or not at all, and is left alone when it is there.
Needs Debian's fonts-noto-color-emoji, unicode-data, python3-pil and libraqm0.
"""

import csv
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
NAMES = "/usr/share/unicode/emoji/emoji-test.txt"
PIXELS = 109  # the one size of the font's bitmaps
CANVAS = 136  # width and height of those bitmaps, with their margins


def sequences():
    """(code points, name, group, subgroup) of every fully-qualified emoji."""
    group = subgroup = ""
    for line in Path(NAMES).read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.split(":", 1)[1].strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.split(":", 1)[1].strip()
        elif "; fully-qualified" in line:
            codes, comment = line.split(";", 1)[0].split(), line.split("#", 1)[1].split(maxsplit=2)
            yield codes, comment[2], group, subgroup


def picture(text, font):
    """The emoji on white; None where the font draws nothing, or more than one glyph for it."""
    left, top, right, bottom = font.getbbox(text)
    if right - left <= 0 or bottom - top <= 0 or right - left > CANVAS + 8:
        return None
    image = Image.new("RGB", (CANVAS, CANVAS), "white")
    offset = ((CANVAS - (right - left)) // 2 - left, (CANVAS - (bottom - top)) // 2 - top)
    ImageDraw.Draw(image).text(offset, text, font=font, embedded_color=True)
    return None if all(low == 255 for low, _ in image.getextrema()) else image


def render(folder):
    # Sequences (flags, families, skin tones) are one glyph only when RAQM lays them out.
    if not features.check("raqm"):
        sys.exit("emoji.py: Pillow finds no RAQM; install libraqm0 (tools/setup does)")
    font = ImageFont.truetype(FONT, PIXELS, layout_engine=ImageFont.Layout.RAQM)
    count = 0
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "name", "group", "subgroup"])
        for codes, name, group, subgroup in sequences():
            image = picture("".join(chr(int(code, 16)) for code in codes), font)
            if image is None:
                continue
            file_name = "-".join(code.lower() for code in codes) + ".png"
            image.save(folder / file_name, compress_level=1)
            table.writerow([file_name, name, group, subgroup])
            count += 1
    return count


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: emoji.py FOLDER")
    target = Path(sys.argv[1])
    if target.exists():
        return
    for needed in (FONT, NAMES):
        if not os.path.exists(needed):
            sys.exit(f"emoji.py: {needed} is not there; tools/setup installs it")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        count = render(folder)
        folder.chmod(0o755)
        folder.rename(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    print(f"{count} emoji rendered into {target}")


main()
