"""torchvision's networks as trunks, and what they become: a graph of trunk and head in a model bundle."""

from __future__ import annotations

import copy
import hashlib
import io
import shutil
from pathlib import Path
from typing import Any, Dict, Tuple

from ..errors import InvalidArgument, Unavailable
from .options import Options
from .pictures import Pixels
from .report import write_json, write_whole

LAST = ("fc", "classifier", "heads", "head")


def without_last_layer(network: Any) -> int:
    """Takes the classifying layer off; how many values the network gives then."""
    from torch import nn

    for name in LAST:
        module = getattr(network, name, None)
        if isinstance(module, nn.Linear):
            setattr(network, name, nn.Identity())
            return int(module.in_features)
        if isinstance(module, nn.Sequential):
            for place, layer in reversed(list(module.named_children())):
                if isinstance(layer, nn.Linear):
                    setattr(module, place, nn.Identity())
                    return int(layer.in_features)
    raise InvalidArgument(f"trunk: the last layer of a {type(network).__name__} is not known; choose another network")


def make_trunk(options: Options) -> Tuple[Any, int]:
    """The network that pictures go into, and how many values it gives. Raises InvalidArgument, Unavailable."""
    import torch
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if options.trunk not in known:
        raise InvalidArgument(f"trunk: '{options.trunk}' is not one of torchvision's: {', '.join(known)}")
    try:
        network = torchvision.models.get_model(
            options.trunk, weights="DEFAULT" if options.weights == "default" else None
        )
    except OSError as error:
        raise Unavailable(
            f"weights: those of '{options.trunk}' cannot be fetched ({error}); give a file of them, or none"
        ) from error
    if options.weights not in ("default", "none"):
        try:
            network.load_state_dict(torch.load(options.weights, map_location="cpu", weights_only=True))
        except (OSError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise InvalidArgument(f"weights: '{options.weights}' does not fit '{options.trunk}': {error}") from error
    return network, without_last_layer(network)


def make_network(options: Options) -> Any:
    """Trunk and head. The head: of each layer a ReLU and a dense layer, as `eidetic train` learns it."""
    from torch import nn

    trunk, width = make_trunk(options)
    layers = []
    for outputs in options.embedder_layers:
        layers += [nn.ReLU(), nn.Linear(width, outputs)]
        width = outputs
    return nn.Sequential(trunk, nn.Sequential(*layers))


def to_onnx(network: Any, options: Options) -> bytes:
    """Pictures [n, 3, size, size] in, vectors [n, values] out, the weights in it."""
    import torch

    network = copy.deepcopy(network).cpu().eval()
    pictures = torch.zeros(2, 3, options.input_size, options.input_size)
    program = torch.onnx.export(
        network,
        (pictures,),
        input_names=["input"],
        output_names=["embedding"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    content = io.BytesIO()
    program.save(content)
    return content.getvalue()


def write_bundle(folder: Path, network: Any, options: Options, description: str) -> Path:
    """The model bundle folder/name, whole or not at all."""
    bundle, aside = folder / options.name, folder / f"{options.name}.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    graph = to_onnx(network, options)
    write_whole(aside / "model.onnx", graph)
    model: Dict[str, Any] = {
        "name": options.name,
        "description": description,
        "source": f"torchvision's {options.trunk}, fine-tuned; training.json beside this folder has the options",
        "model": "model.onnx",
        "sha256": hashlib.sha256(graph).hexdigest(),
        "preprocess": [
            {"resize": {"width": options.input_size, "height": options.input_size}},
            {"to_float": {}},
            {"normalize": {"sub": list(Pixels.MEAN), "div": list(Pixels.DEVIATION)}},
        ],
        "layer": "embedding",
        "l2_normalize": True,
    }
    write_json(aside / "model.json", model)
    shutil.rmtree(bundle, ignore_errors=True)
    aside.rename(bundle)
    return bundle
