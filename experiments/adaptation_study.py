"""What adaptation.py judges: data, networks and embeddings, each made once and kept."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial

import numpy as np

from idfree.appearance.calibrate import calibrate
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import balanced_weight, concatenate
from idfree.appearance.crop_network import CropNetwork
from idfree.appearance.crops import crop_boxes
from idfree.core.cropset import CropSet
from idfree.core.files import write_text
from idfree.detectors import PrecomputedDetector
from idfree.evaluation.frame_subset import select_every_nth, select_half
from idfree.evaluation.preprocess import PEDESTRIAN
from idfree.evaluation.reid import assign_identities, evaluate_embeddings
from idfree.evaluation.tracking import Scores, compute_metrics, evaluate
from idfree.pipelines import adapt
from idfree.pipelines.label_sequence import label_sequence
from idfree.pipelines.pseudolabels import LabelSettings
from idfree.pipelines.selection import Selection
from idfree.pipelines.stored_detections import read_stored_detections
from idfree.pipelines.track import prepare
from idfree.sequences import open_source
from idfree.sequences.motchallenge import open_sequence, read_ground_truth

SIZE_HW = (128, 64)  # of the striped network's crops
EVERY = (1, 3, 5)
SHARE = 0.5  # colour's, as `idfree adapt` has it
LEARNT = {"plain": {"objective": "plain"}, "learnt": {}, "true identities": {}}
VIDEOS = ("MOT17-04", "MOT17-09", "PETS09-S2L1")
# pair: (video, folder below the data, folder of stored detections or None for the sequence's own)
PAIRS = {
    "PETS09-S2L1": ("PETS09-S2L1", "MOT15/train/PETS09-S2L1", None),
    **{f"{v} {d}": (v, f"MOT17/train/{v}-{d}", None) for v in VIDEOS[:2] for d in ("FRCNN", "SDP")},
    **{f"{v} yolox-x": (v, f"MOT17/train/{v}-SDP", "detections/yolox-x-mot17") for v in VIDEOS[:2]},
}
LABELLED = {"MOT17-04": "MOT17-04 SDP", "MOT17-09": "MOT17-09 SDP", "PETS09-S2L1": "PETS09-S2L1"}


class Study:
    """The data, and the folder in which everything that takes long is kept."""

    def __init__(self, data, out):
        self.data, self.out = data, out
        out.mkdir(parents=True, exist_ok=True)

    def video(self, name):
        return replace(open_source(self.data / "videos" / f"{name}.mp4")[0], name=name)

    @cache  # noqa: B019  (a study lives as long as the program)
    def pair(self, name):
        """The sequence (without images), its detections and its truth."""
        _, folder, boxes = PAIRS[name]
        sequence = open_sequence(self.data / folder)
        detections = read_stored_detections("det" if boxes is None else str(self.data / boxes), sequence)
        return sequence, detections, read_ground_truth(self.data / folder / "gt" / "gt.txt")

    def kept(self, name, make):
        """What `make` gives, an array, made once."""
        file = self.out / "arrays" / f"{name.replace(' ', '_')}.npy"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            partial_file = file.with_suffix(".partial.npy")
            np.save(partial_file, make())
            partial_file.rename(file)
        return np.load(file, mmap_mode="r")

    def crops(self, pair):
        """(K, H, W, 3) of every detection of a pair; of the truth's pedestrians for "NAME truth"."""
        video = PAIRS[pair.removesuffix(" truth")][0]
        _, detections, truth = self.pair(pair.removesuffix(" truth"))
        boxes = people(truth) if pair.endswith(" truth") else detections

        def make():
            crops = np.zeros((len(boxes), *SIZE_HW, 3), dtype=np.uint8)
            for frame in self.video(video):
                rows = boxes.rows_at(frame.number)
                crops[rows] = crop_boxes(frame.image, boxes.xyxy[rows], SIZE_HW)
            return crops

        return self.kept(f"crops {pair}", make)

    def learnt_from(self, name, identities):
        """The crops of the pseudo-labels, or of the truth's people, in the first half of a video."""
        pair = LABELLED[name]
        sequence, detections, truth = self.pair(pair)
        last = sequence.length // 2 + 1
        if identities:
            boxes = people(truth)
            rows = np.flatnonzero((boxes.frame <= last) & (boxes.visibility >= 0.5))
            crops, boxes = self.crops(f"{pair} truth")[rows], boxes[rows]
            person = np.unique(boxes.id, return_inverse=True)[1]
            return CropSet(crops, person, boxes.frame, np.zeros(len(rows), dtype=np.int64), boxes.xyxy)
        file = self.out / "crops" / f"{name}.npz"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            video, chosen = self.video(name), Selection(frames=last)
            found = label_sequence(
                video,
                PrecomputedDetector(detections),
                LabelSettings(),
                partial(crop_boxes, size_hw=SIZE_HW),
                selection=chosen,
                quiet=False,
            )
            adapt.crops_of(found).save(file)
        return CropSet.load(file)

    def training_set(self, row):
        """The crops that a row learns from."""
        sets = [self.learnt_from(name, row == "true identities") for name in VIDEOS]
        return replace(adapt.merged(sets), identities=row == "true identities")

    def network(self, kind, row, seed):
        """A trained network; "random" is the network before training."""
        import torch

        from idfree.core.progress import progress
        from idfree.learn.methods import simplereid
        from idfree.learn.networks.crop_reid import CropReidNetwork

        if row == "random":
            torch.manual_seed(seed)
            return CropReidNetwork("striped").eval()
        run = self.adapted(kind) if kind != "half" else self.out / "models" / f"{row} {seed}".replace(" ", "_")
        if not (run / "appearance.onnx").exists():
            settings = simplereid.SimpleReidSettings(seed=seed, threads=1, **LEARNT[row])
            shown = partial(bar, progress=progress, what=run.name)
            simplereid.train(self.training_set(row), settings, run, resume=True, progress=shown)
        return simplereid.open_checkpoint(run / "last.pt")

    def adapted(self, video):
        """The run of `idfree adapt` on a video, as a user would type it."""
        run, detections = self.out / "adapted" / video, self.data / PAIRS[LABELLED[video]][1] / "det" / "det.txt"
        if not (run / "report.json").exists():
            source = self.data / "videos" / f"{video}.mp4"
            words = ["adapt", source, "--detector", detections, "--set", "threads=1", "-o", run]
            subprocess.run([sys.executable, "-m", "idfree.cli", *map(str, words)], check=True)
        return run

    def describe(self, kind, row, seed, crops):
        """Embeddings of crops by a trained network, in bfloat16 where that is faster, as training has it."""
        import torch

        from idfree.learn.networks.crop_reid import embed
        from idfree.learn.schedule import has_fast_bf16

        network = self.network(kind, row, seed)
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16(torch.device("cpu"))):
            return embed(network.to(memory_format=torch.channels_last), np.ascontiguousarray(crops))

    def described(self, kind, row, seed, where):
        """Embeddings of the crops `where`; 0 for those of first halves, and of the truth's that do not count."""
        sequence, detections, truth = self.pair(where.removesuffix(" truth"))
        frame = (people(truth) if where.endswith(" truth") else detections).frame
        rows = np.flatnonzero(
            judged(frame, sequence.length) if where.endswith(" truth") else later(frame, sequence.length)
        )
        rows = rows if kind == "half" else np.arange(len(frame))
        found = self.describe(kind, row, seed, self.crops(where)[rows])
        result = np.zeros((len(frame), found.shape[1]), dtype=np.float32)
        result[rows] = found
        return result

    def embeddings_of(self, kind, row, seed, where):
        """(embeddings, (limit, upper_threshold)) of `where` (a pair, or "PAIR truth") in a row; None if unknown."""
        if row in ("no embeddings", "oracle"):
            return self.oracle(where) if row == "oracle" else None, (None, None)
        if row == "colour":
            colour = ColourHistogram()
            return self.kept(f"colour {where}", lambda: colour.embed_crops(self.crops(where))), distances(colour)
        trained = "learnt" if row == "learnt and colour" else row
        name = f"{kind} {trained} {seed}"
        alone = self.kept(f"{name} {where}", lambda: self.described(kind, trained, seed, where))
        limits = self.limits(kind, trained, seed)
        if row != "learnt and colour":
            return alone, limits["alone"]
        colour, _ = self.embeddings_of(kind, "colour", 0, where)
        return concatenate(alone, colour, limits["weight"]), limits["together"]

    def limits(self, kind, row, seed):
        """Calibrated on what was learnt from: of the network alone, and with colour, and colour's weight then."""
        if kind != "half":
            known = CropNetwork(self.adapted(kind) / "appearance.onnx", threads=1)
            return {"weight": known.colour_weight, "together": distances(known)}
        file = self.out / "limits" / f"{kind} {row} {seed}.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            crops = self.training_set(row)
            own, colour = self.describe(kind, row, seed, crops.crops), ColourHistogram().embed_crops(crops.crops)
            columns = {"tracklet": crops.tracklet, "frame": crops.frame, "video": crops.video}
            measure = partial(calibrate, **columns, identities=crops.identities)
            alone = measure(own)
            part = balanced_weight(SHARE, alone.match_threshold, measure(colour).match_threshold)
            found = {"alone": alone, "together": measure(concatenate(own, colour, part))}
            write_text(file, json.dumps({"weight": part, **{name: distances(each) for name, each in found.items()}}))
        return json.loads(file.read_text())

    def oracle(self, where):
        """Random directions, one for each true identity, and one for each false detection."""
        _, detections, truth = self.pair(where)
        known = assign_identities(detections, truth)
        names, place = np.unique(known.id, return_inverse=True)
        column = np.where(known.id < 0, np.cumsum(known.id < 0) + len(names), place)
        return np.random.default_rng(0).normal(size=(column.max(initial=0) + 1, 512)).astype(np.float32)[column]

    def score(self, kind, row, seed, tracker, pair):
        """{every: figures} of a tracker with a row's embeddings on the second half, or the whole, of a pair."""
        file = self.out / "results" / f"{kind} {row} {seed} {tracker} {pair}.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            sequence, detections, truth = self.pair(pair)
            embedding, (limit, upper_threshold) = self.embeddings_of(kind, row, seed, pair)
            if embedding is not None:
                detections = replace(detections, embedding=np.asarray(embedding))
            if kind == "half":
                detections, _ = select_half(detections, sequence.length, "val")
                truth, length = select_half(truth, sequence.length, "val")
                sequence = replace(sequence, length=length)
            detector = PrecomputedDetector(detections, match_threshold=limit, upper_threshold=upper_threshold)
            found = {n: self.track(sequence, detector, truth, tracker, n) for n in EVERY}
            write_text(file, json.dumps(found))
        return {int(n): values for n, values in json.loads(file.read_text()).items()}

    def track(self, sequence, detector, truth, tracker, every):
        run = prepare(sequence, detector, tracker, selection=Selection(every=every), images=False)
        result, length = run.track_all(), sequence.length
        if every > 1:
            truth, length = select_every_nth(truth, every, length)
            result, _ = select_every_nth(result, every, sequence.length)
        values = compute_metrics(sum([evaluate(truth, result, frames=length)], Scores()))
        return {name: values[name] for name in ("HOTA", "MOTA", "IDF1", "IDSW")}

    def retrieval(self, kind, row, seed):
        """R1, mAP and TPR at FAR 0.1 on true crops of second halves, every 5th frame; the mean of the three videos."""
        found = []
        for name, pair in LABELLED.items():
            sequence, _, truth = self.pair(pair)
            boxes = people(truth)
            embedding, _ = self.embeddings_of(kind, row, seed, f"{pair} truth")
            rows = judged(boxes.frame, sequence.length)
            known = boxes[rows]
            visible = known.visibility if name.startswith("MOT17") else np.ones(len(known))
            told = evaluate_embeddings(np.asarray(embedding)[rows], known.id, known.frame, visibility=visible).metrics()
            found.append([told["R1"], told["mAP"], told["TPR@0.1"]])
        return 100 * np.mean(found, axis=0)


def distances(known):
    """(limit, upper_threshold) of an encoder, or of a calibration."""
    return known.match_threshold, known.upper_threshold


def people(truth):
    """The rows of the truth that are people who count; MOT15 knows no class."""
    return truth[(truth.score != 0) & np.isin(truth.class_id, (PEDESTRIAN, -1, 0))]


def later(frame, length):
    """Whether frames belong to the second half."""
    return frame > length // 2 + 1


def judged(frame, length):
    """Whether frames count for retrieval."""
    return later(frame, length) & (frame % 5 == 0)


def bar(steps, progress, what):
    return progress(steps, what, len(steps), False, unit="iterations")
