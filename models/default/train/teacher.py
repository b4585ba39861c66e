"""The model that is learnt from: an Eidetic model bundle (docs/model-bundles.md) with an ONNX file, computed by ONNX Runtime."""

import json
from pathlib import Path

import numpy
import onnx
import onnxruntime
from files import Refused, sha256_of

ON_PICTURES = {"resize", "resize_short_side", "letterbox", "center_crop"}


class Teacher:
    """Values before they are brought to unit length, pooled as the bundle says. `threads`: of ONNX Runtime."""

    def __init__(self, folder, threads):
        self.folder = Path(folder)
        try:
            bundle = json.loads((self.folder / "model.json").read_text())
            self.file = self.folder / bundle["model"]
            steps = [next(iter(step.items())) for step in bundle["preprocess"]]
        except (OSError, ValueError, KeyError, StopIteration) as error:
            raise Refused(f"teacher '{folder}': no model bundle with a model.json ({error})") from error
        if self.file.suffix != ".onnx":
            raise Refused(f"teacher '{folder}': '{self.file.name}' is no ONNX file, and no other kind can be a teacher")
        self.name = bundle["name"]
        self.license = bundle.get("license") or "not told"
        self.sha256 = sha256_of(self.file)
        self.pooling, self.gem_p = bundle.get("pooling", "none"), bundle.get("gem_p", 3)
        self.steps = [step for step in steps if step[0] not in ON_PICTURES]
        sizes = [fields for step, fields in steps if step in ON_PICTURES and "width" in fields]
        if not sizes:
            raise Refused(f"teacher '{folder}': its steps leave the size of pictures open")
        self.width, self.height = sizes[-1]["width"], sizes[-1]["height"]
        self.session, self.layer = self.open(bundle.get("layer"), threads)
        self.input = bundle.get("input") or self.session.get_inputs()[0].name
        self.fixed_batch = self.session.get_inputs()[0].shape[0] if bundle.get("input") is None else None
        self.channels_last = self.as_input(numpy.zeros((1, 3, 2, 2), numpy.float32)).shape[3] == 3

    def open(self, layer, threads):
        """A session and the tensor in it whose values are wanted: any of the graph's, or the output of a node."""
        graph = onnx.load(str(self.file))
        outputs = [output.name for output in graph.graph.output]
        layer = layer or outputs[-1]
        if layer not in outputs:
            tensors = {name for node in graph.graph.node for name in node.output}
            of_nodes = {node.name: node.output[0] for node in graph.graph.node if node.name and node.output}
            layer = layer if layer in tensors else of_nodes.get(layer)
            if layer is None:
                raise Refused(f"teacher '{self.folder}': no layer of the name that its model.json gives")
            graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(layer))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        known = onnxruntime.get_available_providers()
        providers = [one for one in ("CUDAExecutionProvider", "CPUExecutionProvider") if one in known]
        return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers), layer

    def as_input(self, pictures):
        """The tensor of [n, 3, height, width] of 0 to 255, by the steps of the bundle."""
        tensor, axis = pictures, 1
        for step, fields in self.steps:
            if step == "to_float":
                tensor = tensor * numpy.float32(fields.get("scale", 1 / 255))
            elif step == "normalize":
                shape = [3 if i == axis else 1 for i in range(4)]
                sub, div = (numpy.array(fields[name], numpy.float32).reshape(shape) for name in ("sub", "div"))
                tensor = (tensor * numpy.float32(fields.get("scale", 1)) - sub) / div
            elif step == "channel_order":
                if fields["order"].upper() == "BGR":
                    tensor = numpy.flip(tensor, axis)
            elif step in ("layout", "transpose"):
                last = fields.get("order") == "interleaved" or fields.get("axes") == [0, 2, 3, 1]
                first = fields.get("order") == "planar" or fields.get("axes") == [0, 3, 1, 2]
                if last and axis == 1:
                    tensor, axis = tensor.transpose(0, 2, 3, 1), 3
                elif first and axis == 3:
                    tensor, axis = tensor.transpose(0, 3, 1, 2), 1
            else:
                raise Refused(f"teacher '{self.folder}': step '{step}' is not known")
        return numpy.ascontiguousarray(tensor, numpy.float32)

    def pooled(self, values):
        if self.pooling == "none" or values.ndim == 2:
            return values.reshape(len(values), -1)
        rows = values if self.channels_last or values.ndim == 3 else numpy.moveaxis(values, 1, -1)
        rows = rows.reshape(len(values), -1, rows.shape[-1])
        if self.pooling == "max":
            return rows.max(1)
        if self.pooling == "gem":
            return (numpy.maximum(rows, 1e-6) ** self.gem_p).mean(1) ** (1 / self.gem_p)
        return rows.mean(1)

    def __call__(self, pictures):
        """[n, 3, height, width] of 0 to 255 to [n, values]."""
        tensor = self.as_input(numpy.asarray(pictures, numpy.float32))
        each = self.fixed_batch if isinstance(self.fixed_batch, int) and self.fixed_batch > 0 else len(tensor)
        parts = [
            self.session.run([self.layer], {self.input: tensor[i : i + each]})[0] for i in range(0, len(tensor), each)
        ]
        return self.pooled(numpy.concatenate(parts)).astype(numpy.float32)
