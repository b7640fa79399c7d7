"""Time of a one-shot network for a frame and for a training iteration, and its share of the processor's peak.

    python benchmarks/network.py                                  # every backbone at 576x320
    python benchmarks/network.py --backbones dla34 dla34-plain --sizes 1088x608 576x320 --threads 2
    python benchmarks/network.py --python OPENVINO/bin/python     # one with openvino and onnxruntime

Prints milliseconds a frame, decoding included, of PyTorch (channels last) in fp32 and bf16, ONNX Runtime, and OpenVINO
in fp32 and bf16 where the interpreter named by --python (default: this one) has it; and of one training iteration on a
batch, without decoding. "of peak": GFLOP/s of the fastest runtime in fp32 and in bf16, relative to PyTorch's fastest
matrix product on the same threads. The fastest of `--rounds` rounds counts, all in turn; on a shared machine only
ratios can be compared. Each backbone is exported once, which takes a minute for the large ones.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE, BATCH = 2048, 2  # of the matrix product; images of a training iteration
WORKERS = {"openvino": "openvino", "openvino bf16": "openvino:bf16"}  # devices, each in a process of its own
TAPS = 9  # of a 3×3 kernel
EXPORTED_HW = (64, 96)  # example input; the file takes every size
RUNTIMES = {"of peak": ("torch", "onnxruntime", "openvino"), "of peak bf16": ("torch bf16", "openvino bf16")}


def fastest(call, rounds):
    """Milliseconds of the fastest of some calls; the first does not count."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def make_network(name, stride):
    """FairMOT's network on a backbone, with batch statistics of one forward pass."""
    import torch

    from idfree.learn.networks.backbones import make_backbone
    from idfree.learn.networks.centre import CentreNetwork
    from idfree.learn.networks.heads import tracker_heads

    torch.manual_seed(0)
    network = CentreNetwork(make_backbone(name, stride), tracker_heads()).to(memory_format=torch.channels_last)
    with torch.no_grad():
        network({"image": torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8)})
    return network


def inference(network, image, half):
    """A function that runs PyTorch on one frame."""
    import torch

    def infer():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            network.eval().decode({name: maps.float() for name, maps in network({"image": image}).items()})

    return infer


def training(network, image, half):
    """A function that runs one iteration on a batch, with a trivial loss."""
    import torch

    images = image.expand(BATCH, -1, -1, -1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-6)

    def iterate():
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = network.train()({"image": images})
        optimiser.zero_grad()
        sum(maps.float().square().mean() for maps in output.values()).backward()
        optimiser.step()

    return iterate


def exported(path, size_hw, device, threads):
    """A function that runs an ONNX file on one frame."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # --python may not have idfree installed
    from idfree.core.onnx_session import open_session

    session, image = open_session(path, device, threads), random_image(size_hw)
    return lambda: session.run(None, {"image": image})


def random_image(size_hw):
    return np.random.default_rng(0).integers(0, 256, (1, *size_hw, 3), dtype=np.uint8)


def measure_in_process(options, path, size_hw, device):
    """Milliseconds of a frame in a process of --python; None if it lacks the device or cannot run the network."""
    arguments = json.dumps([str(path), size_hw, device, options.threads])
    command = [options.python, __file__, "--worker", arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


def peaks(rounds):
    """GFLOP/s of a matrix product in fp32 and in bf16."""
    import torch

    a = torch.randn(SIDE, SIDE)
    return [2 * SIDE**3 / fastest(lambda m=m: m @ m, 3 * rounds) / 1e6 for m in (a, a.bfloat16())]


def gflop(network, image):
    """GFLOP of one frame; a deformable convolution counts as an ordinary one."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def deformable(x, offset, mask, weight, bias, out_shape=None, **rest):
        return 2 * TAPS * weight[0] * weight[1] * x[0] * x[2] * x[3]

    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.idfree.deformable_conv: deformable})
    with counter, torch.inference_mode():
        network.eval()({"image": image})
    return counter.get_total_flops() / 1e9


def measure(network, path, size_hw, options):
    """The figures of one network at one size."""
    import torch

    image = torch.from_numpy(random_image(size_hw)).permute(0, 3, 1, 2)
    calls = {"torch": inference(network, image, False), "torch bf16": inference(network, image, True)}
    calls["onnxruntime"] = exported(path, size_hw, "cpu", options.threads)
    if not options.no_training:
        calls |= {"step": training(network, image, False), "step bf16": training(network, image, True)}
    figures = {"GFLOP": gflop(network, image)}
    for _ in range(options.rounds):
        found = {name: fastest(call, 1) for name, call in calls.items()}
        found |= {name: measure_in_process(options, path, size_hw, device) for name, device in WORKERS.items()}
        figures |= {name: min(figures.get(name, time), time) for name, time in found.items() if time is not None}
    return figures


def with_shares(figures, peak):
    """The figures, with the GFLOP/s of the fastest runtimes relative to the peaks in fp32 and bf16."""
    shares = {}
    for (key, names), top in zip(RUNTIMES.items(), peak, strict=True):
        shares[key] = 1000 * figures["GFLOP"] / min(figures[name] for name in names if name in figures) / top
    return figures | shares


def compare(options):
    """Measure every backbone at every size and print the table."""
    import torch

    torch.set_num_threads(options.threads)
    peak, rows = peaks(options.rounds), {size: [] for size in options.sizes}
    for name in options.backbones:
        for size, figures in measure_sizes(name, options):
            rows[size].append((name, figures))
            print(f"{name} at {size}: {figures}", file=sys.stderr, flush=True)
            peak = np.maximum(peak, peaks(options.rounds))  # other programs may have been idle only now
    print(f"peak: {peak[0]:.0f} GFLOP/s in fp32, {peak[1]:.0f} in bf16, threads: {options.threads}")
    print_table(rows, peak, not options.no_training)


def measure_sizes(name, options):
    """(size, figures) of a backbone."""
    from idfree.learn.export_tracker import export_tracker

    network = make_network(name, options.stride)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracker.onnx"
        export_tracker(network, path, {}, EXPORTED_HW)
        for size in options.sizes:
            width, height = map(int, size.split("x"))
            yield size, measure(network, path, (height, width), options)


def print_table(rows, peak, has_training):
    """Print (backbone, figures) by size."""
    from idfree.show.tables import Column, Row, Table, ratio_column, show

    times = ["torch", "torch bf16", "onnxruntime", *WORKERS, *(["step", "step bf16"] if has_training else [])]
    columns = [Column("GFLOP", "GFLOP", style="number")]
    columns += [Column(key, f"{key} ms", "lower", "number", 0) for key in times]
    columns += [ratio_column(key) for key in RUNTIMES]
    groups = (
        tuple(Row((size, name), with_shares(figures, peak)) for name, figures in group) for size, group in rows.items()
    )
    show(Table(("Size", "Backbone"), tuple(columns), tuple(groups)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", help="all, if none is named")
    parser.add_argument("--sizes", nargs="+", default=["576x320"], metavar="WIDTHxHEIGHT")
    parser.add_argument("--stride", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with openvino and onnxruntime")
    parser.add_argument("--no-training", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(fastest(exported(*json.loads(options.worker)), 1))
        return
    if not options.backbones:
        from idfree.learn.networks.backbones import BACKBONES

        options.backbones = list(BACKBONES)
    compare(options)


if __name__ == "__main__":
    main()
