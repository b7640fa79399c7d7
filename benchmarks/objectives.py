"""Time and memory of one iteration of each appearance loss, by number of identities and of objects in a frame.

    python benchmarks/objectives.py
    python benchmarks/objectives.py --identities 100 1000000 --objects 10 500 --rounds 10

Milliseconds of a loss without a network: its value and gradients for 12 images (6 pairs of views), and AdamW's step for
its own parameters; the fastest of `--rounds` rounds counts. MiB: increase of the peak of resident memory. fairmot
classifies identities; the other losses do not depend on their number. Each case runs in a process of its own on one
thread; one that fails, for lack of memory, is a dash.
"""

import argparse
import json
import sys
import time

from processes import peak_mib, run_json

IMAGES, DIMENSION, CELLS = 12, 128, (32, 32)
IDENTITIES, OBJECTS = (100, 1_000, 10_000, 100_000, 1_000_000), (10, 30, 100, 300, 500)
USUAL_IDENTITIES, USUAL_OBJECTS = 1_000, 20  # where the other number varies


def objectives(identities):
    """Functions that make each loss, by name."""
    from idfree.learn.objectives.centre_identity import CentreIdentityLoss
    from idfree.learn.objectives.contrastive import ContrastiveLoss, ContrastiveSettings
    from idfree.learn.objectives.matching import CycleLoss, MatchingLoss

    return {
        "fairmot": lambda: CentreIdentityLoss(identities, DIMENSION),
        "clmot triplet-hard": lambda: ContrastiveLoss(DIMENSION),
        "clmot triplet-all": lambda: ContrastiveLoss(DIMENSION, ContrastiveSettings("triplet-all")),
        "clmot nt-xent": lambda: ContrastiveLoss(DIMENSION, ContrastiveSettings("nt-xent")),
        "outrack": MatchingLoss,
        "cycas": CycleLoss,
    }


def batch_of(identities, objects):
    """A network's output for pairs of views, and the batch: the same objects in both views, in reverse order."""
    import torch

    torch.manual_seed(0)
    height, width = CELLS
    maps = torch.randn(IMAGES, DIMENSION, height, width, requires_grad=True)
    row = torch.arange(IMAGES // 2 * objects).view(-1, objects)
    batch = {
        "mask": torch.ones(IMAGES, objects, dtype=torch.bool),
        "index": torch.stack([torch.randperm(height * width)[:objects] for _ in range(IMAGES)]),
        "row": torch.cat([row, row.flip(1)]),
        "identity": torch.randint(identities, (IMAGES, objects)),
        "negative": torch.zeros(IMAGES // 2, dtype=torch.bool),
    }
    return {"embedding": maps}, batch


def measure(name, identities, objects, rounds):
    """Milliseconds, MiB and parameters of one case, in this process."""
    import torch

    from idfree.learn.objectives.balance import total_loss

    torch.set_num_threads(1)
    output, batch = batch_of(identities, objects)
    before = peak_mib()
    objective = objectives(identities)[name]()
    parameters = list(objective.parameters())
    optimiser = torch.optim.AdamW(parameters) if parameters else None
    times = []
    for _ in range(rounds + 1):  # the first does not count
        start = time.perf_counter()
        objective.zero_grad()
        total_loss(objective(output, batch)).backward()
        if optimiser:
            optimiser.step()
        times.append(time.perf_counter() - start)
    count = sum(parameter.numel() for parameter in parameters)
    return {"ms": 1000 * min(times[1:]), "MiB": peak_mib() - before, "parameters": count}


def measure_in_process(name, identities, objects, rounds):
    """One case in a process of its own; None if it fails."""
    return run_json([sys.executable, __file__, "--worker", name, identities, objects, "--rounds", rounds])


def print_table(title, columns, cases, rounds):
    """Measure the (identities, objects) of each column with each loss, and print milliseconds / MiB."""
    print(f"ms / MiB, {title}".ljust(40) + "".join(f"{column:>18,}" for column in columns) + f"{'parameters':>26}")
    for name in objectives(USUAL_IDENTITIES):
        found = [measure_in_process(name, *case, rounds) for case in cases]
        shown = [f"{each['ms']:,.1f} / {each['MiB']:,.0f}" if each else "—" for each in found]
        parameters = sorted({each["parameters"] for each in found if each})
        numbers = " … ".join(f"{count:,}" for count in parameters[:: max(len(parameters) - 1, 1)])
        print(name.ljust(40) + "".join(f"{each:>18}" for each in shown) + f"{numbers:>26}", flush=True)
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, nargs="+", default=IDENTITIES)
    parser.add_argument("--objects", type=int, nargs="+", default=OBJECTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, identities, objects = options.worker
        print(json.dumps(measure(name, int(identities), int(objects), options.rounds)))
        return
    ids, objects = options.identities, options.objects
    if ids:
        cases = [(each, USUAL_OBJECTS) for each in ids]
        print_table(f"identities ({USUAL_OBJECTS} objects a frame)", ids, cases, options.rounds)
    if objects:
        cases = [(USUAL_IDENTITIES, each) for each in objects]
        print_table(f"objects a frame ({USUAL_IDENTITIES:,} identities)", objects, cases, options.rounds)


if __name__ == "__main__":
    main()
