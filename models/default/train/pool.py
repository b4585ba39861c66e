"""The photos of a folder, decoded once into one file: squashed to a square of SIDE pixels, with their proportions beside it.

Left out: what cannot be read, and what is there already, byte for byte or to the eye (a difference hash with at most NEAR of 64 bits
different). Whole classes (the folders that photos lie in) can be put aside: nothing is learnt of them, and what is learnt is judged
by them. A copy of such a photo is not learnt from either.
"""

import hashlib
import io
import json
import random
import warnings
from dataclasses import asdict, dataclass

import numpy
from files import Refused, write_json, written_whole
from PIL import Image, ImageOps

SIDE = 176
NEAR = 2
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"}
MOST_PIXELS = 100_000_000
VALIDATION = 0.03  # of the photos that may be learnt from; at most MOST_VALIDATION
MOST_VALIDATION = 400
LEARN, VALIDATE, UNSEEN = "learn", "validate", "unseen"


@dataclass
class Photo:
    file: str  # below the folder
    label: str  # the folder that it lies in
    role: str
    aspect: float  # width over height


class Pool:
    """Photos by row; `pixels` [n, SIDE, SIDE, 3] stay in their file until they are asked for."""

    def __init__(self, folder):
        document = json.loads((folder / "pool.json").read_text())
        self.key = document["key"]
        self.photos = [Photo(**photo) for photo in document["photos"]]
        self.left_out = document["left_out"]
        shape = (len(self.photos), SIDE, SIDE, 3)
        self.pixels = numpy.memmap(folder / "pictures.u8", numpy.uint8, "r", shape=shape)
        self.aspects = numpy.array([photo.aspect for photo in self.photos], numpy.float32)

    def rows(self, *roles):
        return numpy.array([row for row, photo in enumerate(self.photos) if photo.role in roles], numpy.int64)

    def labels(self, rows):
        return [self.photos[row].label for row in rows]


def difference_hash(image):
    grey = numpy.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR), numpy.int16)
    return numpy.packbits(grey[:, 1:] > grey[:, :-1]).view(numpy.uint64)[0]


def decoded(content):
    """The picture, upright and in RGB, no larger than what is kept of it needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(content))
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels: at most {MOST_PIXELS} are read")
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        return ImageOps.exif_transpose(image).convert("RGB")


def chosen_classes(photos, share, seed):
    """Some of the folders that hold at least two photos."""
    counts = {}
    for _, label in photos:
        counts[label] = counts.get(label, 0) + 1
    classes = sorted(label for label, count in counts.items() if count > 1)
    if share <= 0 or len(classes) < 3:
        return set()
    return set(random.Random(seed).sample(classes, max(2, min(len(classes) - 1, round(share * len(classes))))))


def files_of(folder):
    if not folder.is_dir():
        raise Refused(f"'{folder}' is no folder: name one with photos in it")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise Refused(f"there are no pictures in '{folder}': {', '.join(sorted(SUFFIXES))} are read")
    return [(path, path.parent.relative_to(folder).as_posix()) for path in files]


def key_of(files, unseen, seed):
    """What the pool depends on: where this is equal, it is not made again."""
    text = json.dumps([SIDE, NEAR, unseen, seed])
    for path, _ in files:
        stat = path.stat()
        text += f"\n{path} {stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()


def make_pool(photos, folder, *, unseen=0.0, seed=1, tell=lambda done, total: None):
    """The pool of the folder `photos`, kept in `folder`. `unseen`: share of the classes that is put aside."""
    files = files_of(photos)
    key = key_of(files, unseen, seed)
    if (folder / "pool.json").exists() and (pool := Pool(folder)).key == key:
        return pool
    aside = chosen_classes(files, unseen, seed)
    # Those put aside come first, so that it is their copies that are left out.
    files.sort(key=lambda file: file[1] not in aside)
    kept, left_out, contents = [], [], set()
    hashes = numpy.zeros(len(files), numpy.uint64)
    with written_whole(folder / "pictures.u8") as store:
        for number, (path, label) in enumerate(files):
            tell(number, len(files))
            name = path.relative_to(photos).as_posix()
            try:
                content = path.read_bytes()
                image = decoded(content)
            except Exception as error:  # whatever a decoder finds wrong with a file
                left_out.append({"file": name, "why": f"cannot be read: {error}"})
                continue
            digest = hashlib.sha256(content).digest()
            mark = difference_hash(image)
            near = numpy.bitwise_count(hashes[: len(kept)] ^ mark) <= NEAR
            if digest in contents or near.any():
                of = kept[int(near.argmax())].file if near.any() else "another"
                left_out.append({"file": name, "why": f"a copy of {of}"})
                continue
            contents.add(digest)
            hashes[len(kept)] = mark
            store.write(numpy.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2)).tobytes())
            role = UNSEEN if label in aside else LEARN
            kept.append(Photo(name, label, role, image.width / image.height))
    learnt = [photo for photo in kept if photo.role == LEARN]
    if len(learnt) < 16:
        raise Refused(f"'{photos}' has {len(learnt)} photos to learn from, of {len(files)} files: at least 16 are needed")
    for photo in random.Random(seed).sample(learnt, min(MOST_VALIDATION, max(2, round(VALIDATION * len(learnt))))):
        photo.role = VALIDATE
    write_json(
        folder / "pool.json", {"key": key, "photos": [asdict(photo) for photo in kept], "left_out": left_out}
    )
    return Pool(folder)
