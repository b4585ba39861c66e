"""The student as an Eidetic model bundle: an ONNX graph in 32-bit floats, then in 8-bit integers (QDQ, weights a scale per channel,
activations calibrated with photos that were learnt from)."""

import json
import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import onnx
from files import sha256_of, write_json, write_text, written_whole
from judge import unit
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from pool import LEARN, VALIDATE
from replay import SIDE
from torch import nn
from views import deployed

OPSET = 17
CALIBRATION = 256  # photos
INPUT, OUTPUT = "input", "embedding"
PREPROCESS = [
    {"resize_short_side": {"size": SIDE, "filter": "bilinear"}},
    {"center_crop": {"width": SIDE, "height": SIDE}},
    {"normalize": {"sub": [127.5] * 3, "div": [127.5] * 3}},
]


class Graph:
    """An ONNX graph as it grows: every method adds nodes and returns the name of what they give."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, operation, *inputs, output=None, **attributes):
        output = output or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], name=output, **attributes))
        return output

    def weight(self, values, name):
        self.weights.append(numpy_helper.from_array(numpy.ascontiguousarray(values), name))
        return name

    def convolution(self, x, convolution, norm):
        """With the batch norm behind it worked into its weights."""
        scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
        weights = convolution.weight.detach() * scale.view(-1, 1, 1, 1)
        bias = (norm.bias - norm.running_mean * scale).detach()
        name = f"conv_{len(self.nodes)}"
        size, stride, pad = convolution.kernel_size[0], convolution.stride[0], convolution.padding[0]
        return self.add(
            "Conv",
            x,
            self.weight(weights.cpu().numpy(), f"{name}.weight"),
            self.weight(bias.cpu().numpy(), f"{name}.bias"),
            output=name,
            kernel_shape=[size] * 2,
            strides=[stride] * 2,
            pads=[pad] * 4,
        )

    def of(self, module, x):
        if isinstance(module, nn.Sequential):
            if len(module) > 1 and isinstance(module[0], nn.Conv2d) and isinstance(module[1], nn.BatchNorm2d):
                x = self.convolution(x, module[0], module[1])
                return self.add("Relu", x) if len(module) > 2 else x
            for part in module:
                x = self.of(part, x)
            return x
        return self.add("Relu", self.add("Add", x, self.of(module.inner, x)))  # a Bottleneck


def graph_of(student):
    graph = Graph()
    x = graph.add("GlobalAveragePool", graph.of(student.body, INPUT))
    # A dense layer as a convolution of one pixel: so every layer that has weights is of one kind.
    weights = student.last.weight.detach().cpu().numpy()[:, :, None, None]
    bias = student.last.bias.detach().cpu().numpy()
    x = graph.add("Conv", x, graph.weight(weights, "last.weight"), graph.weight(bias, "last.bias"), kernel_shape=[1, 1])
    x = graph.add("Flatten", x, axis=1)
    graph.add("LpNormalization", x, output=OUTPUT, axis=1, p=2)
    made = helper.make_graph(
        graph.nodes,
        "student",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(bias)])],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="eidetic")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


class Photos(CalibrationDataReader):
    def __init__(self, tensors):
        self.tensors = iter(tensors)

    def get_next(self):
        tensor = next(self.tensors, None)
        return None if tensor is None else {INPUT: tensor}


def tensors_of(pool, rows, at_once=32):
    for first in range(0, len(rows), at_once):
        pictures = deployed(pool, rows[first : first + at_once], SIDE, SIDE, 1.0).round()
        yield (pictures / 127.5 - 1).numpy()


def quantised(model, pool):
    """The graph in 8-bit integers, as bytes."""
    rows = pool.rows(LEARN)
    rows = rows[:: max(1, len(rows) // CALIBRATION)][:CALIBRATION]
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime's advice, of no use here
    with tempfile.TemporaryDirectory() as work:
        plain, shaped, whole = (str(Path(work) / f"{name}.onnx") for name in ("plain", "shaped", "whole"))
        onnx.save(model, plain)
        quant_pre_process(plain, shaped, skip_symbolic_shape=True)
        quantize_static(
            shaped,
            whole,
            Photos(tensors_of(pool, rows)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Relu", "Add", "GlobalAveragePool"],
        )
        return Path(whole).read_bytes()


def embedded(model, tensors):
    options = SessionOptions()
    options.log_severity_level = 3
    session = InferenceSession(model, options, ["CPUExecutionProvider"])
    return numpy.concatenate([session.run([OUTPUT], {INPUT: tensor})[0] for tensor in tensors])


def card(name, report, settings):
    """The model card."""
    rows = [
        ("file", f"`model.onnx`, int8 (QDQ), input [n, 3, h, w] RGB, x / 127.5 - 1, output [n, {report['dimensions']}]"),
        ("preprocessing", f"short side to {SIDE} (bilinear, antialiased), centre crop {SIDE} x {SIDE}"),
        ("teacher", f"{report['teacher']} (licence: {report['teacher_license']})"),
        ("photos", f"{report['learnt']} learnt from, without labels; {report['left_out']} unreadable or copies left out"),
        ("training", f"{report['steps']} steps of {settings.batch} samples, {report['train_s'] / 60:.0f} minutes"),
        ("near its teacher", f"cosine {report['cosine']:.3f}, on {report['validation']} photos put aside"),
        ("int8 beside f32", f"cosine {report['int8_cosine']:.4f}, on the same"),
    ]
    if "map" in report:
        rows.append(
            (
                f"{report['unseen_classes']} classes that it never saw, {report['unseen']} photos",
                f"P@1 {report['p_at_1']:.3f}, mAP {report['map']:.3f}; untrained {report['untrained']['p_at_1']:.3f}, "
                f"{report['untrained']['map']:.3f}; teacher {report['of_teacher']['p_at_1']:.3f}, "
                f"{report['of_teacher']['map']:.3f}",
            )
        )
    table = "\n".join(f"| {left} | {right} |" for left, right in rows)
    return (
        f"# {name}\n\n{report['dimensions']} values a picture: a student network, trained from scratch to say of unlabelled photos "
        f"what its teacher says.\n\n| | |\n|---|---|\n{table}\n\nIt knows what its photos showed. The licences of the photos and "
        f"of the teacher bind who gives it away.\n"
    )


def export(run, folder, name, report):
    """The bundle `folder`/`name`, whole or not at all, and beside it the same graph in 32-bit floats. Adds to the report."""
    model = graph_of(run.student.eval())
    eight = quantised(model, run.pool)
    tensors = list(tensors_of(run.pool, run.pool.rows(VALIDATE)))
    plain, small = (embedded(one, tensors) for one in (model.SerializeToString(), eight))
    report["int8_cosine"] = round(float((unit(plain) * unit(small)).sum(1).mean()), 5)
    with written_whole(folder / "model-f32.onnx") as out:
        out.write(model.SerializeToString())
    bundle, aside = folder / name, folder / f"{name}.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    with written_whole(aside / "model.onnx") as out:
        out.write(eight)
    write_json(
        aside / "model.json",
        {
            "name": name,
            "description": f"{report['dimensions']} values from a small network that learnt from {report['teacher']}; int8",
            "license": "",
            "source": "README.md beside this file tells how it was made",
            "model": "model.onnx",
            "sha256": sha256_of(aside / "model.onnx"),
            "preprocess": PREPROCESS,
            "pooling": "none",
            "l2_normalize": True,
        },
    )
    write_text(aside / "README.md", card(name, report, run.settings))
    shutil.rmtree(bundle, ignore_errors=True)
    aside.rename(bundle)
    return bundle


def checked_by_eidetic(program, bundle):
    """What `eidetic models check` says of the bundle; None where there is no such program."""
    if shutil.which(program) is None:
        return None
    with tempfile.TemporaryDirectory() as data:
        command = [program, "models", "check", str(bundle), "--data", data, "--json"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"eidetic does not take the bundle '{bundle}': {done.stderr.strip()}")
    return json.loads(done.stdout)
