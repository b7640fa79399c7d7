"""What learning who is who costs an iteration, as the data hold more identities, and as a frame holds more objects.

    python benchmarks/objectives.py
    python benchmarks/objectives.py --identities 100 1000000 --objects 10 500 --rounds 10

Milliseconds of an objective alone, without a network: its value and gradients for 12 pictures (6 pairs of views), and
AdamW's step for its own parameters; the fastest of `--rounds` rounds counts, because the machine is shared. MiB: by how
much that raises the peak of resident memory. fairmot classifies identities; the others know of none, whatever their
number. Every case runs alone in a process of its own on one thread; one that fails, for want of memory, is a dash.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

PICTURES, DIMENSION, CELLS = 12, 128, (32, 32)
IDENTITIES, OBJECTS = (100, 1_000, 10_000, 100_000, 1_000_000), (10, 30, 100, 300, 500)
USUAL_IDENTITIES, USUAL_OBJECTS = 1_000, 20
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


def contestants(identities):
    """By name, what makes each objective."""
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
    """What a network says of pairs of views, and the batch: the same objects in both, in another order."""
    import torch

    torch.manual_seed(0)
    height, width = CELLS
    maps = torch.randn(PICTURES, DIMENSION, height, width, requires_grad=True)
    row = torch.arange(PICTURES // 2 * objects).view(-1, objects)
    batch = {
        "mask": torch.ones(PICTURES, objects, dtype=torch.bool),
        "index": torch.stack([torch.randperm(height * width)[:objects] for _ in range(PICTURES)]),
        "row": torch.cat([row, row.flip(1)]),
        "identity": torch.randint(identities, (PICTURES, objects)),
        "negative": torch.zeros(PICTURES // 2, dtype=torch.bool),
    }
    return {"embedding": maps}, batch


def measure(name, identities, objects, rounds):
    """Milliseconds, MiB and parameters of one case, in this process."""
    import torch

    from idfree.learn.objectives.balance import total_loss

    torch.set_num_threads(1)
    output, batch = batch_of(identities, objects)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    objective = contestants(identities)[name]()
    parameters = list(objective.parameters())
    descent = torch.optim.AdamW(parameters) if parameters else None
    times = []
    for _ in range(rounds + 1):  # the first does not count
        start = time.perf_counter()
        objective.zero_grad()
        total_loss(objective(output, batch)).backward()
        if descent:
            descent.step()
        times.append(time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(parameter.numel() for parameter in parameters)
    return {"ms": 1000 * min(times[1:]), "MiB": (after - before) / 1024, "parameters": count}


def in_process(name, identities, objects, rounds):
    """One case, alone in a process; None where it fails."""
    command = [sys.executable, __file__, "--worker", name, str(identities), str(objects), "--rounds", str(rounds)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else None


def table(title, columns, cases, rounds):
    """Run the (identities, objects) of each column for everyone, and print milliseconds / MiB."""
    print(f"ms / MiB, {title}".ljust(40) + "".join(f"{column:>18,}" for column in columns) + f"{'parameters':>26}")
    for name in contestants(USUAL_IDENTITIES):
        found = [in_process(name, *case, rounds) for case in cases]
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
        table(f"identities ({USUAL_OBJECTS} objects a frame)", ids, cases, options.rounds)
    if objects:
        cases = [(USUAL_IDENTITIES, each) for each in objects]
        table(f"objects a frame ({USUAL_IDENTITIES:,} identities)", objects, cases, options.rounds)


if __name__ == "__main__":
    main()
