"""Make the crop network of the package, idfree/appearance/people_crops.onnx, from the people detector's first layers.

    python experiments/people_crops.py --head HEAD.npz

Crops (N, 128, 64, 3) in uint8, BGR, go through the detector up to the two maps that its own embeddings are read from;
the maps' means in four horizontal stripes, the sides of the box left out, are the output `features` (N, 768). A linear
head gives the output `embedding` (N, 64): (features − head/mean) · head/weight. `idfree adapt` puts a head of its own
in the same place. HEAD.npz holds `mean` (768,) and `weight` (768, 64), and `limit` and `farthest`. Needs onnx.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from idfree.appearance.crop_network import KIND
from idfree.appearance.people_crops import FILE, MEAN, WEIGHT
from idfree.core.files import atomic_write
from idfree.core.onnx_model import KIND_KEY
from idfree.detectors import people

SIZE_HW = (128, 64)
STRIPES, CELLS = 4, 4  # cells of stride 8 px that a stripe has in height, and that are read of 8 in width
MAPS = "idfree_joined"  # of the detector's graph: both maps at stride 8
CONSTANTS = {
    "crops/rgb": np.array([2, 1, 0]),
    "crops/white": np.float32(255),
    "stripes/first": np.array([CELLS // 2]),
    "stripes/last": np.array([CELLS // 2 + CELLS]),
    "stripes/axis": np.array([3]),
}
NODES = (  # before and after the detector's own
    ("Gather", ["crops", "crops/rgb"], "crops/channels", {"axis": 3}),
    ("Transpose", ["crops/channels"], "crops/planes", {"perm": [0, 3, 1, 2]}),
    ("Cast", ["crops/planes"], "crops/float", {"to": TensorProto.FLOAT}),
    ("Div", ["crops/float", "crops/white"], "images", {}),
    ("Slice", [MAPS, "stripes/first", "stripes/last", "stripes/axis"], "stripes/middle", {}),
    ("AveragePool", ["stripes/middle"], "stripes/means", {"kernel_shape": [CELLS] * 2, "strides": [CELLS] * 2}),
    ("Transpose", ["stripes/means"], "stripes/first_axis", {"perm": [0, 2, 1, 3]}),
    ("Flatten", ["stripes/first_axis"], "features", {"axis": 1}),
    ("Sub", ["features", MEAN], "head/centred", {}),
    ("MatMul", ["head/centred", WEIGHT], "embedding", {}),
)


def build(mean, weight):
    """The model with a head."""
    model = onnx.load(people.FILE)
    used, kept = {MAPS}, []
    for node in reversed(model.graph.node):
        if used & set(node.output):
            kept.append(node)
            used |= set(node.input)
    nodes = [helper.make_node(kind, inputs, [output], output, **more) for kind, inputs, output, more in NODES]
    constants = [numpy_helper.from_array(array, name) for name, array in CONSTANTS.items()]
    constants += [numpy_helper.from_array(np.float32(array), name) for array, name in ((mean, MEAN), (weight, WEIGHT))]
    constants += [each for each in model.graph.initializer if each.name in used]
    crops = helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", *SIZE_HW, 3])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width])
        for name, width in (("embedding", weight.shape[1]), ("features", len(mean)))
    ]
    graph = helper.make_graph([*nodes[:4], *reversed(kept), *nodes[4:]], "people_crops", [crops], outputs, constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--head", type=Path, required=True)
    head = np.load(parser.parse_args().head)
    model = build(head["mean"], head["weight"])
    metadata = {KIND_KEY: KIND, "size": f"{SIZE_HW[0]}x{SIZE_HW[1]}"}
    metadata |= {name: repr(float(head[name])) for name in ("limit", "farthest", "colour") if name in head}
    metadata |= {"licence": "Apache-2.0", "source": "person-detection-retail-0013; see detectors/people.txt"}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    with atomic_write(FILE) as partial:
        onnx.save(model, str(partial))
    print(f"{FILE}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
