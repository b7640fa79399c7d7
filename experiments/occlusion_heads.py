"""Occlusion heads learnt on a frozen detector, and what refinding is worth with them.

    python experiments/occlusion_heads.py --data ../shared/data --out runs/occlusions

learns occlusion heads on the maps of the package's people detector, tracks the second halves of MOT17-04 and MOT17-09,
and writes docs/refinding_learnt.md. A finished part is kept in OUT, so that the command goes on where it was stopped.

The detector stays as it is; its maps of strides 4, 8 and 16 (64, 128 and 256 channels) are computed once. On them, two
convolutions learn heatmaps and offsets of the occlusions of τ = 0.3, 0.5, 0.7 and 0.9 at once, from the true boxes of
every third frame of the first half of MOT17-04, every second of MOT17-09's and every fourth of PETS09-S2L1's, with
`outrack`'s targets and loss (idfree/learn). So the boxes and embeddings are the same in all rows.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from refinding import GUARDED, KEYS, PREDICTED, true_occlusions
from torch import nn
from torch.nn.functional import interpolate, relu

from idfree.core.files import make_folder, write_text
from idfree.core.occlusions import occlusion_regions
from idfree.core.progress import progress
from idfree.core.types import Detections, View
from idfree.datasets.open_footage import open_all
from idfree.detectors.one_shot import occlusions_in_image
from idfree.detectors.people import FILE
from idfree.evaluation.frame_subset import select_half
from idfree.evaluation.tracking import compute_metrics, evaluate
from idfree.learn.data.occlusion_targets import occlusion_targets
from idfree.learn.networks.decode import decode_occlusions
from idfree.learn.networks.heads import SCORE_BIAS
from idfree.learn.objectives.occlusion import OcclusionLoss
from idfree.offline.whole_video import Video, refine_tracks
from idfree.pipelines.open_detector import DetectorConfig
from idfree.pipelines.tracking_run import concatenate_tracks
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.show.table_formats import to_markdown
from idfree.show.tables import TRACKING, Row, Table, show
from idfree.trackers.lost_tracks import KeepPredicting
from idfree.trackers.refinding import Refinding, RefindingSettings, fit_scores
from idfree.trackers.registry import make_tracker

VIDEOS = {  # in MOT17 or MOT15: every how many frames to learn from
    "MOT17/train/MOT17-04-SDP": 3,
    "MOT17/train/MOT17-09-SDP": 2,
    "MOT15/train/PETS09-S2L1": 4,
}
MAPS = ("bottleneck2_8/fn", "bottleneck3_10/fn", "bottleneck4_11/fn")  # last of the strides 4, 8 and 16
CHANNELS, WIDTH, STRIDE = (64, 128, 256), 48, 4
SHARES = (0.3, 0.5, 0.7, 0.9)
EPOCHS, BATCH, LR = 3, 4, 2e-3
JUDGED, TRACKERS = ("MOT17-04", "MOT17-09"), ("fused",)
SCORES = (0.1, 0.2)  # least scores of centres; the first is the public code's
PAGE = Path(__file__).resolve().parents[1] / "docs" / "refinding_learnt.md"
HEAD = """# Refinding with learnt occlusions

Written by `experiments/occlusion_heads.py`; see there how. Second halves; boxes of the package's people detector
and embeddings of the head that it then had (docs/people_model.md), the same
in all rows, and `fused`, of default settings. The heads are two convolutions
on the detector's frozen maps, of 306 iterations of four pictures (`outrack`'s targets and loss), about two minutes of
one core: a beginning, not what the paper trained for 30 epochs. Joint training of `outrack` was begun (the detector's
trunk, 576x320) and given up after 51 iterations, as the machine was shared: it would have taken hours. MOT17-09 and
`fairmot` were not measured for the same reason; `--only MOT17-09` and one more name in TRACKERS do it.

- FN fall with every τ, as they should, but FP rise by more: of the centres of score 0.1, the public code's threshold,
  few lie where an occlusion is (first table), and each lets a lost track be written out in a wrong place. MOTA falls by
  0.4 to 2.9; IDF1 rises by 0.3 with τ = 0.3 and falls by 0.6 to 2.3 with the others. With true centres, the same rule
  raises MOTA by 1.3 to 2.5, but IDF1 by 0.3 at most: it is the heads that fall short, and with these boxes there is
  little to win.
- A second way, centres of 0.2 and more: fewer FP, and next to no gain. A third, both guards of the public code: half of
  the added FP, and IDF1 0.2 above that without refinding.
- Off-line filling has the best IDF1 and HOTA; predictions of 0.1 s cost no MOTA and need no heads. With heads as weak
  as these, leave `refind` off, which is the default.
"""


class OcclusionHeads(nn.Module):
    """Maps (B, 64, h, w), (B, 128, h/2, w/2), (B, 256, h/4, w/4) → logits (B, 4, h, w), offsets (B, 8, h, w)."""

    def __init__(self):
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, WIDTH, 1) for channels in CHANNELS)
        self.middle = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.last = nn.Conv2d(WIDTH, 3 * len(SHARES), 1)
        nn.init.zeros_(self.last.bias)
        nn.init.constant_(self.last.bias[: len(SHARES)], SCORE_BIAS)

    def forward(self, maps):
        x, *coarser = (lateral(each) for lateral, each in zip(self.laterals, maps, strict=True))
        for each in coarser:
            x = x + interpolate(each, size=x.shape[2:], mode="nearest")
        x = self.last(relu(self.middle(relu(x))))
        return x[:, : len(SHARES)], x[:, len(SHARES) :]


def output_of(maps, number):
    """The maps of one share τ, as the network's of `outrack`."""
    heat, offset = maps
    return {
        "occlusion": heat[:, number : number + 1],
        "occlusion_offset": offset[:, 2 * number : 2 * number + 2],
    }


class Eyes:
    """The people detector, whose maps can be read beside its detections."""

    def __init__(self):
        self.detector = DetectorConfig("people", assignments=()).open(1)(None)
        model = onnx.load(FILE)
        del model.graph.output[:]
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in MAPS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def maps(self, image):
        """Maps of an image, half precision, and its letterbox."""
        geometry = self.detector.draw_input(image)
        return [each[0].astype(np.float16) for each in self.session.run(None, self.detector.feed)], geometry


def learn(data, out):
    """The heads, learnt if they were not yet: a file of weights."""
    path = out / "heads.pt"
    if path.exists():
        return path
    samples = [each for video, every in VIDEOS.items() for each in samples_of(data, out, video, every)]
    torch.manual_seed(0)
    heads, random = OcclusionHeads(), np.random.default_rng(0)
    optimiser = torch.optim.Adam(heads.parameters(), LR)
    batches = [each for epoch in range(EPOCHS) for each in batches_of(samples, random)]
    for step, batch in enumerate(progress(batches, "heads", len(batches), False, unit="iterations")):
        for group in optimiser.param_groups:
            group["lr"] = LR * 0.5 * (1 + np.cos(np.pi * step / len(batches)))
        loss = loss_of(heads, batch, flip=random.random() < 0.5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 20 == 0:
            print(step, float(loss.detach()), flush=True)
    torch.save(heads.state_dict(), path)
    return path


def loss_of(heads, batch, flip):
    """The sum of the losses of all shares; flip: the batch is mirrored."""
    maps = [torch.from_numpy(np.stack(each)).float() for each in zip(*(read(s["maps"]) for s in batch), strict=True)]
    with torch.autocast("cpu", torch.bfloat16):
        output = heads([each.flip(3) if flip else each for each in maps])
    output = [each.float() for each in output]
    objective = OcclusionLoss(1.0)
    parts = [objective(output_of(output, n), targets(batch, share, flip)) for n, share in enumerate(SHARES)]
    return sum(sum(each.values()) for each in parts)


def samples_of(data, out, video, every):
    """Maps, kept in a file for each frame, true boxes in pixels of the input, and its size."""
    (footage,) = open_all([data / video], "train", data / "videos")
    make_folder(out / "maps")
    eyes, samples = None, []
    boxes = footage.boxes[footage.boxes.score != 0]
    for number in progress(range(1, footage.length + 1, every), footage.name, footage.length // every, False):
        file = out / "maps" / f"{footage.name}-{number}.npz"
        if not file.exists():
            eyes = eyes or Eyes()
            maps, geometry = eyes.maps(footage.image(number))
            xyxy = geometry.to_input(boxes.xyxy[boxes.rows_at(number)])
            np.savez(file, *maps, xyxy=xyxy, size=geometry.input_hw)
        with np.load(file) as stored:
            samples.append({"maps": file, "xyxy": stored["xyxy"], "size": tuple(stored["size"])})
    return samples


def read(file):
    with np.load(file) as stored:
        return [stored[f"arr_{n}"] for n in range(len(MAPS))]


def batches_of(samples, random):
    """Batches of equal sizes, in random order."""
    order = random.permutation(len(samples))
    groups = {}
    for n in order:
        groups.setdefault(samples[n]["size"], []).append(samples[n])
    batches = [group[k : k + BATCH] for group in groups.values() for k in range(0, len(group), BATCH)]
    return [batches[n] for n in random.permutation(len(batches))]


def targets(batch, share, flip):
    """Targets of `outrack` of one share, of a batch that is mirrored or not."""
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


def seen(data, out, name):
    """What is seen of the second half of a video: views of all frames without occlusions, and these by share τ."""
    path = out / f"{name}.pt"
    if not path.exists():
        heads, eyes = OcclusionHeads(), Eyes()
        heads.load_state_dict(torch.load(learn(data, out), weights_only=True))
        (sequence,) = open_source(str(data / "videos" / f"{name}.mp4"))
        first, frames = sequence.length // 2 + 1, []
        for frame in progress(sequence, name, sequence.length, False):
            if frame.number > first:
                frames.append(look(eyes, heads.eval(), frame))
        torch.save(frames, path)
    return torch.load(path, weights_only=False)


def look(eyes, heads, frame):
    """Columns of the detections of a frame, thresholds of their embeddings, and occlusions (K, 3) by share."""
    view = eyes.detector(frame)
    maps, geometry = eyes.maps(frame.image)
    with torch.inference_mode():
        output = heads([torch.from_numpy(each[None]).float() for each in maps])
        decoded = [decode_occlusions(output_of(output, n), STRIDE)[0].numpy() for n in range(len(SHARES))]
    found = view.detections
    columns = (found.xyxy, found.score, found.class_id, found.embedding)
    occlusions = {share: occlusions_in_image(each, geometry) for share, each in zip(SHARES, decoded, strict=True)}
    return columns, (view.match_threshold, view.upper_threshold), view.size_hw, occlusions


def follow(tracker, frames, points):
    """Tracks of all frames, with these occlusions of each."""
    results = []
    for number, ((columns, thresholds, size_hw, _), occlusions) in enumerate(zip(frames, points, strict=True), start=1):
        match, upper = thresholds
        view = View(Detections(*columns), None, size_hw, occlusions, match_threshold=match, upper_threshold=upper)
        results.append((number, tracker.update(view)))
    return concatenate_tracks(results)


def measure(data, out, name, kind):
    """Rows [title, metrics] of one video and tracker."""
    frames = seen(data, out, name)
    length, size_hw = len(frames), frames[0][2]
    truth = read_ground_truth(data / "MOT17" / "train" / f"{name}-SDP" / "gt" / "gt.txt")
    (sequence,) = open_source(str(data / "videos" / f"{name}.mp4"))
    truth, _ = select_half(truth, sequence.length, "val")
    nothing = [np.zeros((0, 3))] * length

    def made(settings=None):
        tracker = make_tracker(kind, (), sequence.frame_rate)
        return tracker if settings is None else Refinding(tracker, settings)

    plain = follow(made(), frames, nothing)
    results = {"as it is": plain}
    for seconds in PREDICTED:
        results[f"predicted, {seconds:g} s"] = follow(KeepPredicting(made(), seconds), frames, nothing)
    learnt = {share: [each[3][share] for each in frames] for share in SHARES}
    for share in SHARES:
        for score in SCORES:
            title = f"learnt occlusions, {share}" + (f", score {score}" if score != SCORES[0] else "")
            results[title] = follow(made(RefindingSettings(min_score=score)), frames, learnt[share])
    results["learnt occlusions, 0.7, both guards"] = follow(made(GUARDED), frames, learnt[0.7])
    for share in (0.3, 0.7):
        points = true_occlusions(truth, length, share)
        results[f"true occlusions, {share}"] = follow(made(RefindingSettings()), frames, points)
    results["off-line"] = refine_tracks(plain, Video(sequence.frame_rate, size_hw))
    return [[title, compute_metrics(evaluate(truth, tracks, frames=length))] for title, tracks in results.items()]


def quality(data, out, name):
    """Of each share and score: the true occlusions that a centre fits (G > 0.7), and the centres that fit one."""
    frames = seen(data, out, name)
    truth = read_ground_truth(data / "MOT17" / "train" / f"{name}-SDP" / "gt" / "gt.txt")
    (sequence,) = open_source(str(data / "videos" / f"{name}.mp4"))
    truth, length = select_half(truth, sequence.length, "val")
    people = truth[(truth.score > 0) & (truth.class_id == 1)]
    rows = []
    for share in SHARES:
        for score in SCORES:
            found = centres = true = fitting = 0
            for number in range(1, length + 1):
                regions = occlusion_regions(people.tracks_at(number).xyxy, share)
                points = frames[number - 1][3][share]
                points = points[points[:, 2] >= score]
                i, j = (each.ravel() for each in np.indices((len(regions), len(points))))
                fits = fit_scores(regions[i], points[j, :2]) > RefindingSettings().min_fit
                true, centres = true + len(regions), centres + len(points)
                found, fitting = found + len(np.unique(i[fits])), fitting + len(np.unique(j[fits]))
            rows.append([share, score, true, found / max(true, 1), centres, fitting / max(centres, 1)])
    return rows


def kept(out, name, make):
    path = out / f"{name}.json"
    if not path.exists():
        write_text(path, json.dumps(make()))
    return json.loads(path.read_text())


def quality_table(name, rows):
    lines = [f"## Learnt occlusions, {name}", "", "| τ | least score | true ones | found | centres | right |"]
    lines += ["| ---: | ---: | ---: | ---: | ---: | ---: |"]
    text = (f"| {a} | {b} | {n:,} | {100 * r:.1f} | {m:,} | {100 * p:.1f} |" for a, b, n, r, m, p in rows)
    return "\n".join([*lines, *text]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/occlusions"))
    parser.add_argument("--only", nargs="+", default=JUDGED, help="videos")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, out = options.data, options.out
    make_folder(out)
    columns, page = tuple(column for column in TRACKING if column.key in KEYS), [HEAD]
    for name in options.only:
        page.append(quality_table(name, kept(out, f"quality-{name}", partial(quality, data, out, name))))
        for kind in TRACKERS:
            measured = kept(out, f"{name}-{kind}", partial(measure, data, out, name, kind))
            table = Table((kind,), columns, (tuple(Row((title,), metrics) for title, metrics in measured),))
            print(name)
            show(table)
            page.append(f"## {kind}, {name}\n\n{to_markdown(table)}")
            write_text(PAGE, "\n".join(page))


if __name__ == "__main__":
    main()
