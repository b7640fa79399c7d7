"""Training of the occlusion heads of occlusion_network.py with `outrack`'s targets and loss.

Trained on the ground-truth boxes of the first halves of three videos: every third frame of MOT17-04, every second of
MOT17-09, every fourth of PETS09-S2L1.
"""

import numpy as np
import torch
from footage import TRUTH
from occlusion_network import MAPS, STRIDE, OcclusionHeads, PeopleMaps, outputs_by_share

from idfree.core.files import make_folder
from idfree.core.progress import progress
from idfree.datasets.open_footage import open_all
from idfree.learn.data.occlusion_targets import occlusion_targets
from idfree.learn.objectives.occlusion import OcclusionLoss

VIDEOS = {"MOT17-04": 3, "MOT17-09": 2, "PETS09-S2L1": 4}  # every n-th frame
EPOCHS, BATCH, LR = 3, 4, 2e-3
PRINTED = 20  # iterations between losses that are printed


def trained_heads(data, out):
    """The heads with the weights of OUT/heads.pt, which are trained unless the file exists."""
    path, heads = out / "heads.pt", OcclusionHeads()
    if not path.exists():
        torch.save(train(data, out).state_dict(), path)
    heads.load_state_dict(torch.load(path, weights_only=True))
    return heads.eval()


def train(data, out):
    """Train the heads with Adam and a cosine schedule."""
    samples = [each for video, every in VIDEOS.items() for each in read_samples(data, out, video, every)]
    torch.manual_seed(0)
    heads, rng = OcclusionHeads(), np.random.default_rng(0)
    optimiser = torch.optim.Adam(heads.parameters(), LR)
    batches = [each for epoch in range(EPOCHS) for each in make_batches(samples, rng)]
    for step, batch in enumerate(progress(batches, "heads", len(batches), False, unit="iterations")):
        for group in optimiser.param_groups:
            group["lr"] = LR * 0.5 * (1 + np.cos(np.pi * step / len(batches)))
        loss = total_loss(heads, batch, flip=rng.random() < 0.5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % PRINTED == 0:
            print(step, float(loss.detach()), flush=True)
    return heads


def total_loss(heads, batch, flip):
    """The sum of the losses of all τ. flip: mirror the batch."""
    columns = zip(*(read_maps(sample["maps"]) for sample in batch), strict=True)
    maps = [torch.from_numpy(np.stack(each)).float() for each in columns]
    with torch.autocast("cpu", torch.bfloat16):
        output = heads([each.flip(3) if flip else each for each in maps])
    objective, outputs = OcclusionLoss(1.0), outputs_by_share([each.float() for each in output])
    losses = [objective(each, make_targets(batch, share, flip)) for share, each in outputs.items()]
    return sum(sum(each.values()) for each in losses)


def read_samples(data, out, video, every):
    """For every n-th frame: the file of its maps, ground-truth boxes in pixels of the input, and the input's size."""
    (footage,) = open_all([data / TRUTH[video]], "train", data / "videos")
    make_folder(out / "maps")
    network, samples = None, []
    for number in progress(range(1, footage.length + 1, every), footage.name, footage.length // every, False):
        file = out / "maps" / f"{footage.name}-{number}.npz"
        if not file.exists():
            network = network or PeopleMaps()
            write_sample(network, footage, number, file)
        with np.load(file) as stored:
            samples.append({"maps": file, "xyxy": stored["xyxy"], "size": tuple(stored["size"])})
    return samples


def write_sample(network, footage, number, file):
    """Write the maps and the ground-truth boxes of a frame."""
    boxes = footage.boxes[footage.boxes.score != 0]
    maps, geometry = network.maps(footage.image(number))
    np.savez(file, *maps, xyxy=geometry.to_input(boxes.xyxy[boxes.rows_at(number)]), size=geometry.input_hw)


def read_maps(file):
    with np.load(file) as stored:
        return [stored[f"arr_{n}"] for n in range(len(MAPS))]


def make_batches(samples, rng):
    """Batches of one input size each, in random order."""
    groups = {}
    for n in rng.permutation(len(samples)):
        groups.setdefault(samples[n]["size"], []).append(samples[n])
    batches = [group[k : k + BATCH] for group in groups.values() for k in range(0, len(group), BATCH)]
    return [batches[n] for n in rng.permutation(len(batches))]


def make_targets(batch, share, flip):
    """`outrack`'s targets of a batch for one τ. flip: mirror the boxes."""
    height, width = batch[0]["size"]
    boxes = [each["xyxy"] for each in batch]
    if flip:
        boxes = [each[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0] for each in boxes]
    most = max(len(each) for each in boxes)
    xyxy, mask = np.zeros((len(boxes), most, 4)), np.arange(most) < np.array([[len(each)] for each in boxes])
    for padded, each in zip(xyxy, boxes, strict=True):
        padded[: len(each)] = each
    columns = {"xyxy": torch.from_numpy(xyxy), "mask": torch.from_numpy(mask)}
    return occlusion_targets({"image": torch.zeros(len(boxes), 0, height, width), **columns}, STRIDE, share)
