"""Model bundles that tests make."""

import json
import shutil

from live import SOURCE

DEFAULT = SOURCE / "models/default"


def add_model(folder, name, grey=100):
    """A bundle below `folder`: the bundled network, but other preprocessing, and so another space of as many dimensions."""
    bundle = folder / name
    bundle.mkdir(parents=True)
    shutil.copy(DEFAULT / "model.onnx", bundle / "model.onnx")
    described = json.loads((DEFAULT / "model.json").read_text())
    described["name"] = name
    described["preprocess"][-1]["normalize"] = {"sub": [grey] * 3, "div": [grey] * 3}
    (bundle / "model.json").write_text(json.dumps(described))
    return bundle
