"""How long a one-shot network takes for a frame, and to learn from a batch, beside what the processor could do.

    python benchmarks/network.py                                  # every backbone at 576x320
    python benchmarks/network.py --backbones dla34 dla34-plain --sizes 1088x608 576x320 --threads 2
    python benchmarks/network.py --python OPENVINO/bin/python     # one with openvino and onnxruntime

Milliseconds a frame, decoding included: PyTorch (channels last) in fp32 and bf16, ONNX Runtime, and OpenVINO in fp32
and bf16 where the interpreter named by --python (this one, if none) has it; and those of one iteration of training on a
batch, decoding excluded. "of peak" is what the fastest fp32 and bf16 make of the fastest matrix product that PyTorch
does on the same threads. The fastest of `--rounds` rounds counts, everyone in turn, because the machine is shared. Look
at the ratios, not at the figures. Each backbone is exported once, which takes a minute for the large ones.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIDE, BATCH = 2048, 2  # of the matrix product; of a training batch
WORKERS = {"openvino": "openvino", "openvino bf16": "openvino:bf16"}  # devices, each in a process of its own
TAPS = 9  # of a 3×3 kernel


def fastest(call, rounds):
    """Milliseconds of the fastest of some calls; the first does not count."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


# What runs, each a function of no arguments ------------------------------------------------------------------------


def make(name, stride):
    """FairMOT's network on a backbone, its statistics as after some training."""
    import torch

    from idfree.learn.networks.backbones import make_backbone
    from idfree.learn.networks.centre import CentreNetwork
    from idfree.learn.networks.heads import tracker_heads

    torch.manual_seed(0)
    network = CentreNetwork(make_backbone(name, stride), tracker_heads()).to(memory_format=torch.channels_last)
    with torch.no_grad():
        network({"image": torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8)})
    return network


def looking(network, image, half):
    """One frame through PyTorch."""
    import torch

    def look():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            network.eval().decode({name: maps.float() for name, maps in network({"image": image}).items()})

    return look


def learning(network, image, half):
    """One iteration on a batch, with a loss that costs nothing."""
    import torch

    images = image.expand(BATCH, -1, -1, -1)
    descent = torch.optim.AdamW(network.parameters(), lr=1e-6)

    def learn():
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = network.train()({"image": images})
        descent.zero_grad()
        sum(maps.float().square().mean() for maps in output.values()).backward()
        descent.step()

    return learn


def opened(path, size_hw, device, threads):
    """One frame through an ONNX file, wherever it runs."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # --python may not have idfree installed
    from idfree.core.onnx_session import open_session

    session, picture = open_session(path, device, threads), picture_of(size_hw)
    return lambda: session.run(None, {"image": picture})


def picture_of(size_hw):
    return np.random.default_rng(0).integers(0, 256, (1, *size_hw, 3), dtype=np.uint8)


def in_process(options, path, size_hw, device):
    """Milliseconds of a frame in a process of --python; None where that lacks the device, or cannot run the network."""
    said = json.dumps([str(path), size_hw, device, options.threads])
    command = [options.python, __file__, "--worker", said]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout) if done.returncode == 0 else None


# Measuring ----------------------------------------------------------------------------------------------------------


def peaks(rounds):
    """GFLOP/s of a matrix product in fp32 and in bf16."""
    import torch

    a = torch.randn(SIDE, SIDE)
    return [2 * SIDE**3 / fastest(lambda m=m: m @ m, 3 * rounds) / 1e6 for m in (a, a.bfloat16())]


def work(network, image):
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

    image = torch.from_numpy(picture_of(size_hw)).permute(0, 3, 1, 2)
    calls = {"torch": looking(network, image, False), "torch bf16": looking(network, image, True)}
    calls["onnxruntime"] = opened(path, size_hw, "cpu", options.threads)
    if not options.no_training:
        calls |= {"step": learning(network, image, False), "step bf16": learning(network, image, True)}
    figures = {"GFLOP": work(network, image)}
    for _ in range(options.rounds):
        found = {name: fastest(call, 1) for name, call in calls.items()}
        found |= {name: in_process(options, path, size_hw, device) for name, device in WORKERS.items()}
        figures |= {name: min(figures.get(name, time), time) for name, time in found.items() if time is not None}
    return figures


def shares(figures, peak):
    """What the fastest make of the peaks in fp32 and bf16."""
    frames = (("torch", "onnxruntime", "openvino"), ("torch bf16", "openvino bf16"))
    for key, names, top in zip(("of peak", "of peak bf16"), frames, peak, strict=True):
        figures[key] = 1000 * figures["GFLOP"] / min(figures[name] for name in names if name in figures) / top
    return figures


def compete(options):
    """Measure every backbone at every size and print the table."""
    import torch

    from idfree.learn.export_tracker import export_tracker
    from idfree.show.tables import Column, Row, Table, ratio_column, show

    torch.set_num_threads(options.threads)
    peak = peaks(options.rounds)
    rows = {size: [] for size in options.sizes}
    for name in options.backbones:
        network = make(name, options.stride)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tracker.onnx"
            export_tracker(network, path, {}, (64, 96))
            for size in options.sizes:
                width, height = map(int, size.split("x"))
                rows[size].append(Row((size, name), measure(network, path, (height, width), options)))
                print(f"{name} at {size}: {rows[size][-1].figures}", file=sys.stderr, flush=True)
                peak = np.maximum(peak, peaks(options.rounds))  # the others may have slept only now
    times = ["torch", "torch bf16", "onnxruntime", *WORKERS, *([] if options.no_training else ["step", "step bf16"])]
    columns = [Column("GFLOP", "GFLOP", style="number")]
    columns += [Column(key, f"{key} ms", "lower", "number", 0) for key in times]
    columns += [ratio_column("of peak"), ratio_column("of peak bf16")]
    print(f"peak: {peak[0]:.0f} GFLOP/s in fp32, {peak[1]:.0f} in bf16, threads: {options.threads}")
    groups = (tuple(Row(row.labels, shares(row.figures, peak)) for row in group) for group in rows.values())
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
        print(fastest(opened(*json.loads(options.worker)), 1))
        return
    if not options.backbones:
        from idfree.learn.networks.backbones import BACKBONES

        options.backbones = list(BACKBONES)
    compete(options)


if __name__ == "__main__":
    main()
