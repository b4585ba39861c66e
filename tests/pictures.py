"""Pictures that tests make: of four kinds, each with its own colours, place and noise."""

import numpy
from PIL import Image, ImageDraw
from PIL.TiffImagePlugin import IFDRational

KINDS = ("circle", "square", "cross", "stripes")


def draw(kind, seed, size=(96, 80)):
    """A picture of its kind: its own colours, place and noise."""
    random = numpy.random.default_rng(seed)
    noise = random.integers(0, 60, (size[1], size[0], 3), dtype=numpy.uint8)
    image = Image.fromarray(noise + numpy.array(random.integers(0, 190, 3), dtype=numpy.uint8))
    pen = ImageDraw.Draw(image)
    colour = tuple(int(c) for c in random.integers(60, 256, 3))
    x, y, r = (int(v) for v in random.integers(25, 45, 3))
    box = (x - r // 2, y - r // 2, x + r, y + r)
    if kind == "circle":
        pen.ellipse(box, fill=colour)
    elif kind == "square":
        pen.rectangle(box, fill=colour)
    elif kind == "cross":
        pen.line((box[0], box[1], box[2], box[3]), fill=colour, width=9)
        pen.line((box[0], box[3], box[2], box[1]), fill=colour, width=9)
    else:
        for top in range(0, size[1], 12):
            pen.rectangle((0, top, size[0], top + 5), fill=colour)
    return image


def textured(seed, size=(400, 300)):
    """A picture of many small shapes, rich in keypoints."""
    random = numpy.random.default_rng(seed)
    image = Image.new("RGB", size, (128, 128, 128))
    pen = ImageDraw.Draw(image)
    for _ in range(size[0] * size[1] // 150):
        x, y = (int(random.integers(0, side)) for side in size)
        across, down = (int(side) for side in random.integers(2, 16, 2))
        shape = pen.ellipse if random.integers(2) else pen.rectangle
        shape((x - across, y - down, x + across, y + down), fill=tuple(int(c) for c in random.integers(0, 256, 3)))
    return image


def exif_of(taken="2024:05:17 14:03:22", place=None):
    """An EXIF block as a camera writes it; place: degrees north and east."""
    exif = Image.Exif()
    exif.update({0x010F: "Maker", 0x0110: "One"})
    exif.get_ifd(0x8769).update({0x9003: taken, 0x829A: IFDRational(1, 250), 0x829D: IFDRational(28, 10), 0x8827: 400, 0xA434: "50mm"})
    if place:
        degrees = [(degree, 0.0, 0.0) for degree in place]
        exif.get_ifd(0x8825).update({1: "N", 2: degrees[0], 3: "E", 4: degrees[1]})
    return exif


def draw_folder(folder, count):
    """`count` JPEG files in one folder a kind, and metadata.csv beside them."""
    lines = ["file,kind,number"]
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        path = folder / kind / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(kind, number).save(path, quality=90)
        lines.append(f"{kind}/{number:04}.jpg,{kind},{number}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder
