"""What the student and the teacher see of a photo: crops that chance chooses, coloured, blurred and mixed.

A sample is a function of the seed and its number alone, so any of them can be made again. Drawing is done with NumPy, one sample at
a time; pixels are computed with PyTorch, all samples of a batch together, on whichever device they are to be on.
"""

import math
from dataclasses import dataclass

import numpy
import torch
from torch.nn import functional

DEPLOYED = 0.875  # of the short side: what is cut out of a photo where nothing is left to chance
BLUR = 5  # pixels of its kernel
GREY = torch.tensor([0.299, 0.587, 0.114])


@dataclass
class Crop:
    row: int
    theta: numpy.ndarray  # 2 x 3, from the places of the crop to those of the stored square, both -1 to 1
    colour: numpy.ndarray  # 3 x 4
    blur: float  # sigma in pixels; 0: none


@dataclass
class Sample:
    first: Crop
    second: Crop | None
    weight: float  # of the second in a blend; 0: it is pasted
    box: tuple[float, float, float, float]  # of the second: left, top, right, bottom, 0 to 1
    shrunk: bool  # the whole second crop in the box, else what of it lies there
    noise: float  # sigma, of the student's picture alone
    noise_seed: int


def placed(aspect, width, height, x=0.0, y=0.0, angle=0.0, *, mirrored=False):
    """Where a crop lies in the stored square. Lengths in short sides of the photo, x and y from its middle."""
    wide, high = max(1.0, aspect), max(1.0, 1 / aspect)
    cos, sin = math.cos(angle), math.sin(angle)
    across = -width / 2 if mirrored else width / 2
    down = height / 2
    return numpy.array(
        [
            [2 / wide * cos * across, -2 / wide * sin * down, 2 / wide * x],
            [2 / high * sin * across, 2 / high * cos * down, 2 / high * y],
        ],
        numpy.float32,
    )


def colours(random):
    """Brightness, contrast, saturation, gains and hue as one 3 x 4 matrix over 0 to 255."""
    brightness, contrast = random.uniform(0.6, 1.4, 2)
    saturation = 0.0 if random.random() < 0.08 else random.uniform(0.4, 1.6)
    grey = numpy.tile(GREY.numpy(), (3, 1))
    matrix = grey + saturation * (numpy.eye(3) - grey)
    if random.random() < 0.3:
        matrix = numpy.diag(random.uniform(0.9, 1.1, 3)) @ matrix
    if random.random() < 0.3:
        # A turn about the axis of greys (Rodrigues).
        angle = random.normal(0, 0.3)
        axis = numpy.full(3, 1 / math.sqrt(3))
        across = numpy.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        turn = math.cos(angle) * numpy.eye(3) + math.sin(angle) * across + (1 - math.cos(angle)) * numpy.outer(axis, axis)
        matrix = turn @ matrix
    offset = numpy.full((3, 1), 127.5 * (1 - contrast))
    return numpy.hstack([brightness * contrast * matrix, offset]).astype(numpy.float32)


def draw_crop(random, rows, aspects):
    row = int(rows[random.integers(len(rows))])
    aspect = float(aspects[row])
    mirrored = random.random() < 0.5
    if random.random() < 0.2:
        theta = placed(aspect, DEPLOYED, DEPLOYED, mirrored=mirrored)
    else:
        wide, high = max(1.0, aspect), max(1.0, 1 / aspect)
        area = random.uniform(0.2, 1) * min(wide * high, 1.6)
        ratio = math.exp(random.uniform(-0.35, 0.35))
        width, height = min(wide, math.sqrt(area * ratio)), min(high, math.sqrt(area / ratio))
        x, y = random.uniform(-0.5, 0.5) * (wide - width), random.uniform(-0.5, 0.5) * (high - height)
        angle = random.normal(0, 0.1) if random.random() < 0.4 else 0.0
        theta = placed(aspect, width, height, x, y, angle, mirrored=mirrored)
    colour = colours(random) if random.random() < 0.8 else numpy.eye(3, 4, dtype=numpy.float32)
    return Crop(row, theta, colour, random.uniform(0.5, 2) if random.random() < 0.1 else 0.0)


def draw_sample(seed, number, rows, aspects):
    random = numpy.random.Generator(numpy.random.Philox(key=[seed, number]))
    first, second, weight, box, shrunk = draw_crop(random, rows, aspects), None, 0.0, (0.0, 0.0, 1.0, 1.0), False
    if random.random() < 0.5:
        second = draw_crop(random, rows, aspects)
        kind = random.random()
        if kind < 0.4:  # Zhang et al. 2018, mixup
            weight = random.uniform(0.25, 0.75)
        else:  # Yun et al. 2019, CutMix
            width, height = random.uniform(0.3, 0.75, 2)
            left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
            box, shrunk = (left, top, left + width, top + height), kind >= 0.7
    noise = random.uniform(2, 10) if random.random() < 0.2 else 0.0
    return Sample(first, second, weight, box, shrunk, noise, int(random.integers(1 << 62)))


def warped(pixels, crops, width, height, device):
    """The crops of stored squares, bilinear, with the picture mirrored beyond its edges: [n, 3, height, width] of 0 to 255."""
    rows = numpy.stack([pixels[crop.row] for crop in crops])
    squares = torch.from_numpy(rows).to(device).permute(0, 3, 1, 2).float()
    theta = torch.from_numpy(numpy.stack([crop.theta for crop in crops])).to(device)
    places = functional.affine_grid(theta, [len(crops), 3, height, width], align_corners=False)
    return functional.grid_sample(squares, places, padding_mode="reflection", align_corners=False)


def coloured(pictures, crops):
    matrices = torch.from_numpy(numpy.stack([crop.colour for crop in crops])).to(pictures.device)
    flat = torch.baddbmm(matrices[:, :, 3:], matrices[:, :, :3], pictures.flatten(2))
    return flat.clamp_(0, 255).view_as(pictures)


def blurred(pictures, crops):
    for i, crop in enumerate(crops):
        if crop.blur == 0:
            continue
        line = torch.exp(-((torch.arange(BLUR, device=pictures.device) - BLUR // 2) ** 2) / (2 * crop.blur**2))
        line = line / line.sum()
        one = functional.pad(pictures[i : i + 1], [BLUR // 2] * 4, mode="reflect")
        one = functional.conv2d(one, line.view(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
        pictures[i] = functional.conv2d(one, line.view(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)[0]
    return pictures


def mixed(samples, firsts, seconds):
    """Two crops in one picture, where a sample has two; `seconds` are of those, in order."""
    height, width = firsts.shape[2:]
    of_second = iter(seconds)
    for picture, sample in zip(firsts, samples):
        if sample.second is None:
            continue
        second = next(of_second)
        if sample.weight > 0:
            picture.lerp_(second, sample.weight)
            continue
        left, right = (round(side * width) for side in sample.box[::2])
        top, bottom = (round(side * height) for side in sample.box[1::2])
        if sample.shrunk:
            part = functional.adaptive_avg_pool2d(second, (bottom - top, right - left))
        else:
            part = second[:, top:bottom, left:right]
        picture[:, top:bottom, left:right] = part
    return firsts


def views(samples, pixels, width, height, side, device):
    """What the teacher sees, [n, 3, height, width] of 0 to 255, and the student, [n, 3, side, side] of bytes."""
    crops = [sample.first for sample in samples] + [sample.second for sample in samples if sample.second]
    pictures = blurred(coloured(warped(pixels, crops, width, height, device), crops), crops)
    pictures = mixed(samples, pictures[: len(samples)], pictures[len(samples) :])
    small = functional.adaptive_avg_pool2d(pictures, side)
    for picture, sample in zip(small, samples):
        if sample.noise > 0:
            # Drawn on the processor, so that a sample is the same on every device.
            generator = torch.Generator().manual_seed(sample.noise_seed)
            picture += sample.noise * torch.randn(picture.shape, generator=generator).to(device)
    return pictures, small.round_().clamp_(0, 255).to(torch.uint8)


def deployed(pool, rows, width, height, part, device="cpu"):
    """The middle of photos, `part` of the short side, with nothing left to chance: [n, 3, height, width] of 0 to 255."""
    plain = numpy.eye(3, 4, dtype=numpy.float32)
    crops = [Crop(int(row), placed(float(pool.aspects[row]), part, part), plain, 0.0) for row in rows]
    # Warped no smaller than it is stored, then averaged: so every pixel counts.
    scale = max(1, math.ceil(pool.pixels.shape[1] / min(width, height)))
    pictures = warped(pool.pixels, crops, width * scale, height * scale, device)
    return functional.adaptive_avg_pool2d(pictures, (height, width)) if scale > 1 else pictures
