"""What the tests on models of others share: where these are, how they are described, and the program."""

import json
import os
import subprocess
from pathlib import Path

EIDETIC = Path(os.environ["EIDETIC_BUILD"]) / "eidetic"
SHARED = Path(os.environ.get("EIDETIC_SHARED") or Path(os.environ["EIDETIC_SOURCE"]).parent / "shared")
MODEL = SHARED / "models/mobilenet_v2_joint_image.onnx"
PHOTOS = SHARED / "images"

BUNDLE = {
    "name": "mobilenet",
    "model": "model.onnx",
    "preprocess": [
        {"resize_short_side": {"size": 256, "filter": "bilinear"}},
        {"center_crop": {"width": 224, "height": 224}},
        {"normalize": {"sub": [127.5, 127.5, 127.5], "div": [127.5, 127.5, 127.5]}},
    ],
    "l2_normalize": True,
}


def make_bundle(folder, files, **fields):
    """A bundle of MobileNetV2 in `folder`, with links to `files` by name and further fields."""
    (folder / "model.json").write_text(json.dumps({**BUNDLE, **fields}))
    for name, file in {"model.onnx": MODEL, **files}.items():
        (folder / name).symlink_to(file)
    return folder


def run(*arguments):
    return subprocess.run([EIDETIC, *map(str, arguments)], capture_output=True, text=True)
