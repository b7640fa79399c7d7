"""A detector made with onnx.helper that finds coloured blocks on grey, and pictures of such blocks that move."""

from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 160, 256  # of the pictures, and of the network's input
BLOCK_HW = (40, 24)
LOWER = 100  # px from the top; centres of blocks below it are of the second class
GREY = 114
STRIDES = (8, 16, 32)
LANES = (0, 56, 112)  # top of the blocks
COLOURS = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]


def write_detector(path: Path, fine: bool = True) -> Path:
    """Write a network in YOLOv8's format with two classes: of blocks above LOWER and below it.

    Its score is the mean difference from grey under a block around each cell of 8 px, its features are those of a small
    random network. fine: False for features of stride 32 alone.
    """
    import onnx
    from onnx import helper, numpy_helper

    kinds, constants, nodes = onnx.TensorProto, {}, []
    random = np.random.default_rng(0)

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def conv(source, name, channels, kernel, stride, pad=0):
        constants[f"{name}_w"] = random.normal(0, 0.3, (channels[1], channels[0], kernel, kernel)).astype(np.float32)
        node(
            "Conv", [source, f"{name}_w"], f"{name}_c", kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4
        )
        node("Relu", [f"{name}_c"], name)

    constants["grey"] = np.float32(GREY / 255)
    node("Sub", ["images", "grey"], "centred")
    if fine:
        conv("centred", "a", (3, 16), 4, 4)
        conv("a", "b", (16, 16), 3, 1, 1)
        conv("b", "c", (16, 24), 2, 2)
        conv("c", "d", (24, 24), 3, 1, 1)
        conv("d", "e", (24, 32), 2, 2)
        conv("e", "f", (32, 32), 2, 2)
    else:
        conv("centred", "f", (3, 32), 32, 32)
    conv("f", "g", (32, 8), 1, 1)
    node("Abs", ["centred"], "difference")
    constants["mean"] = np.full((1, 3, *BLOCK_HW), 1 / (3 * BLOCK_HW[0] * BLOCK_HW[1]), np.float32)
    pads = [(side - 8) // 2 for side in BLOCK_HW]
    node("Conv", ["difference", "mean"], "covered", kernel_shape=list(BLOCK_HW), strides=[8, 8], pads=pads * 2)
    constants["steep"], constants["half"] = np.float32(8), np.float32(-2.7)
    node("Mul", ["covered", "steep"], "amplified")
    node("Add", ["amplified", "half"], "shifted")
    node("ReduceMean", ["g"], "all_features")  # joined to the output, else compilers drop them
    node("Mul", ["all_features", "tiny"], "hardly")
    node("Add", ["shifted", "hardly"], "joined")
    node("Clip", ["joined", "zero", "one"], "score")
    constants["tiny"] = np.float32(1e-6)
    constants["zero"], constants["one"] = np.float32(0), np.float32(0.95)
    rows, columns = HEIGHT // 8, WIDTH // 8
    cells = sum((HEIGHT // s) * (WIDTH // s) for s in STRIDES)
    constants["flat"] = np.array([1, 1, rows * columns])
    node("Reshape", ["score", "flat"], "scores")
    constants["nothing"] = np.zeros((1, 1, cells - rows * columns), np.float32)
    node("Concat", ["scores", "nothing"], "all_scores", axis=2)
    y, x = np.indices((rows, columns)).reshape(2, -1) * 8 + 4
    boxes = np.full((1, 4, cells), 4, np.float32)
    boxes[0, :, : rows * columns] = [x, y, np.full_like(x, BLOCK_HW[1]), np.full_like(x, BLOCK_HW[0])]
    is_upper = (boxes[:, 1:2] < LOWER).astype(np.float32)
    constants |= {"boxes": boxes, "upper": is_upper, "lower": 1 - is_upper}
    node("Mul", ["all_scores", "upper"], "upper_scores")
    node("Mul", ["all_scores", "lower"], "lower_scores")
    node("Concat", ["boxes", "upper_scores", "lower_scores"], "output0", axis=1)
    image = helper.make_tensor_value_info("images", kinds.FLOAT, [1, 3, HEIGHT, WIDTH])
    output = helper.make_tensor_value_info("output0", kinds.FLOAT, [1, 6, cells])
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "blocks", [image], [output], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'upper', 1: 'lower'}", "made_by": "a test"})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def write_pictures(folder: Path, blocks: int = 6, frames: int = 40) -> Path:
    """Write a folder of pictures in which blocks of two colours each move to and fro in lanes, two to a lane."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    pairs = [random.permutation(len(COLOURS))[:2] for _ in range(blocks)]
    for number in range(frames):
        image = np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
        for k, (above, below) in enumerate(pairs):
            left = 8 + 128 * (k % 2) + 8 * int(5 + 4 * np.sin(0.05 * number + k))  # cells of the network
            top = LANES[k // 2 % len(LANES)]
            middle = top + BLOCK_HW[0] // 2
            image[top:middle, left : left + BLOCK_HW[1]] = COLOURS[above]
            image[middle : top + BLOCK_HW[0], left : left + BLOCK_HW[1]] = COLOURS[below]
        cv2.imwrite(str(folder / f"{number + 1:06d}.png"), image)
    return folder
