"""Pictures and tensors agree with Pillow's, pixel by pixel."""

import csv
import io
import json
import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

TOOL = Path(os.environ["EIDETIC_BUILD"]) / "tests/parity/eidetic_image_tool"
SHARED = Path(os.environ.get("EIDETIC_SHARED") or Path(os.environ["EIDETIC_SOURCE"]).parent / "shared")

needs_shared = pytest.mark.skipif(not SHARED.exists(), reason=f"needs {SHARED}, not there")

# Mean difference in levels that is let pass, and why. Everything else must be the same to the last bit.
TOLERANCES = {
    ".avif": 2.0,  # another decoder, which doubles the chroma samples in another way
    ".cmyk-profile": 0.01,  # the same library, with its tables at another precision
}


def run_tool(arguments, files):
    """One entry a file: an array, or the error as a string."""
    names = "".join(f"{file}\n" for file in files).encode()
    process = subprocess.run([TOOL, *map(str, arguments)], input=names, capture_output=True, check=True)
    assert process.stderr == b""
    output = io.BytesIO(process.stdout)
    for _ in files:
        status, *words = output.readline().decode().split()
        if status == "error":
            yield " ".join(words)
        elif arguments[0] == "decode":
            width, height = map(int, words)
            yield np.frombuffer(output.read(3 * width * height), np.uint8).reshape(height, width, 3)
        else:
            yield np.frombuffer(output.read(4 * int(words[0])), np.float32)


def decode(file, *options):
    return next(run_tool(["decode", *options], [file]))


def pillow(source):
    """As DecodeOptions' defaults: upright, on white, in sRGB, 16 bits cut to 8."""
    image = ImageOps.exif_transpose(Image.open(source))
    profile = image.info.get("icc_profile")
    if image.mode == "I;16":
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if profile and image.mode == "CMYK":
        srgb = ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, io.BytesIO(profile), srgb, outputMode="RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return np.asarray(image.convert("RGB"))


def check_equal(ours, theirs, tolerance=0.0):
    assert not isinstance(ours, str), ours
    assert ours.shape == theirs.shape
    assert np.abs(ours.astype(int) - theirs).mean() <= tolerance


def tricky_files():
    listing = SHARED / "tricky/tricky.csv"
    if not listing.exists():
        return []
    with listing.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@needs_shared
@pytest.mark.parametrize("row", tricky_files(), ids=lambda row: row["file"])
@pytest.mark.filterwarnings("ignore")
def test_tricky_file(row):
    path = SHARED / "tricky" / row["file"]
    ours = decode(path)
    if row["pil_decode"] != "ok":
        assert isinstance(ours, np.ndarray) or len(ours.split()) > 2
        return
    # An alpha channel of 16 bits and a transparent level of 16 bits are cut to 8 by Pillow before they are compared.
    if row["file"] == "i_trns.png":
        assert ours.shape == (64, 64, 3)
        return
    kind = ".cmyk-profile" if row["file"] == "jd_ycck.jpg" else path.suffix
    check_equal(ours, pillow(path), TOLERANCES.get(kind, 0))


@needs_shared
def test_all_tricky_files_in_one_process_stay_below_1_gb():
    results = list(run_tool(["decode"], [SHARED / "tricky" / row["file"] for row in tricky_files()]))
    assert len(results) == len(tricky_files())
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 20  # kB


def colours(mode, size=(61, 43)):
    """Smooth in x and y with some noise, in any mode."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(1).integers(0, 30, (height, width))
    planes = [x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256, 255 - x * 4 % 256]
    planes = [np.clip(plane + noise, 0, 255).astype(np.uint8) for plane in planes]
    if mode == "I;16":
        return Image.fromarray((planes[0].astype(np.uint16) << 8) + planes[1])
    count = len(Image.new(mode, (1, 1)).getbands()) if mode not in ("1", "P") else 3
    image = Image.fromarray(np.stack(planes[:count], axis=2).squeeze())
    if mode in ("1", "P"):
        return image.convert(mode)
    return Image.merge(mode, image.split()) if count > 1 else image


GENERATED = [
    ("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
] + [
    ("bmp", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")
] + [
    ("ppm", mode, {}) for mode in ("1", "L", "RGB")
] + [
    ("tiff", mode, {"compression": compression})
    for mode in ("1", "L", "RGB", "RGBA", "CMYK", "P", "I;16")
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate")
] + [
    ("gif", mode, {}) for mode in ("L", "P", "RGB")
] + [
    ("webp", mode, {"lossless": lossless}) for mode in ("RGB", "RGBA") for lossless in (False, True)
] + [
    ("jpeg", mode, {"progressive": progressive, "subsampling": subsampling})
    for mode in ("L", "RGB", "CMYK")
    for progressive in (False, True)
    for subsampling in (0, 1, 2)
] + [
    ("avif", "RGB", {}),
]


@pytest.mark.parametrize("ending,mode,options", GENERATED, ids=str)
def test_generated_file(tmp_path, ending, mode, options):
    path = tmp_path / f"picture.{ending}"
    colours(mode).save(path, **options)
    check_equal(decode(path), pillow(path), TOLERANCES.get(path.suffix, 0))


@pytest.mark.parametrize("ending,options", [("png", {}), ("jpeg", {}), ("tiff", {}), ("webp", {"lossless": True}), ("avif", {})], ids=str)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, ending, options, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"picture.{ending}"
    colours("RGB").save(path, exif=exif, **options)
    check_equal(decode(path), pillow(path), TOLERANCES.get(path.suffix, 0))


def test_a_picture_in_display_p3_becomes_srgb(tmp_path):
    """Display P3's colourants; the curve is sRGB's, from Pillow's own sRGB profile with the three tags replaced."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    p3 = {b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.1571, 0.06657, 0.78407)}
    for i in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * i
        offset = int.from_bytes(profile[entry + 4 : entry + 8], "big")
        for k, value in enumerate(p3.get(bytes(profile[entry : entry + 4]), ())):
            profile[offset + 8 + 4 * k : offset + 12 + 4 * k] = round(value * 65536).to_bytes(4, "big", signed=True)
    image = colours("RGB")
    expected = ImageCms.profileToProfile(image, io.BytesIO(bytes(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert np.abs(np.asarray(expected).astype(int) - np.asarray(image)).mean() > 1
    path = tmp_path / "p3.png"
    image.save(path, icc_profile=bytes(profile))
    assert np.abs(decode(path).astype(int) - np.asarray(expected)).max() <= 1


def test_a_named_srgb_profile_changes_nothing(tmp_path):
    path = tmp_path / "srgb.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colours("RGB").save(path, icc_profile=profile)
    check_equal(decode(path), np.asarray(colours("RGB")))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_scaled_decoding_is_libjpegs(tmp_path, scale):
    path = tmp_path / "large.jpeg"
    colours("RGB", (640, 480)).save(path)
    reference = Image.open(path)
    reference.draft("RGB", (640 // scale, 480 // scale))
    ours = decode(path, 480 // scale)
    assert ours.shape[:2] == (480 // scale, 640 // scale)
    check_equal(ours, np.asarray(reference))
    assert decode(path, 480 // scale + 1).shape[0] == 480 // scale * 2


# --- tensors ---

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}


def steps_file(tmp_path, filter_name, size, crop):
    steps = [
        {"resize_short_side": {"size": size, "filter": filter_name}},
        {"center_crop": {"width": crop, "height": crop}},
        {"normalize": {"sub": [1, 1, 1], "div": [1, 1, 1], "scale": 1 / 127.5}},
    ]
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(steps))
    return path


def pillow_tensor(file, filter_name, size, crop):
    image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
    scale = size / min(image.size)
    size = [max(crop, round(side * scale)) for side in image.size]
    if filter_name != "nearest":
        # From release 13 on, Pillow takes the vertical pass first where the height shrinks more than twice as much as
        # the width, which moves some pixels by a level. Here, as in all releases before: the horizontal one first.
        image = image.resize((size[0], image.height), FILTERS[filter_name])
    image = image.resize(size, FILTERS[filter_name])
    left, top = ((side - crop) // 2 for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + crop, top + crop)), np.float32)
    return (pixels / np.float32(127.5) - 1).transpose(2, 0, 1).ravel()


def check_tensors(tmp_path, files, filter_name, size, crop):
    ours = run_tool(["tensor", steps_file(tmp_path, filter_name, size, crop)], files)
    for file, tensor in zip(files, ours, strict=True):
        assert not isinstance(tensor, str), f"{file}: {tensor}"
        difference = np.abs(tensor - pillow_tensor(file, filter_name, size, crop))
        # Rounding of floats apart, the tensors are the same; the range is 2 wide, a level 1/127.5.
        assert difference.max() < 1e-6, f"{file}: {difference.max() * 127.5} levels"


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("size", [(50, 40), (640, 427), (224, 224), (31, 500), (5, 3)], ids=str)
def test_tensor_of_generated_picture(tmp_path, filter_name, size):
    path = tmp_path / "picture.png"
    colours("RGB", size).save(path)
    check_tensors(tmp_path, [path], filter_name, 256, 224)
    check_tensors(tmp_path, [path], filter_name, 30, 30)


@needs_shared
def test_tensors_of_all_photographs(tmp_path):
    files = sorted(SHARED.glob("images/*/*/*.jpg"))
    assert len(files) > 2000
    check_tensors(tmp_path, files, "bilinear", 256, 224)


@needs_shared
@pytest.mark.parametrize("filter_name", FILTERS)
def test_tensors_of_some_photographs(tmp_path, filter_name):
    check_tensors(tmp_path, sorted(SHARED.glob("images/*/*/*.jpg"))[::16], filter_name, 112, 112)
