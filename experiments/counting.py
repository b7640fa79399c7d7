"""Counting at lines: which hysteresis and which gap count detected tracks as the ground truth's are counted.

    python experiments/counting.py [--data ../shared/data]

Random lines on each sequence; tracks of its public detections, motion alone. The error of a setting is the sum over
lines and directions of |counted − true|, relative to the true number, on average over ground truths that are counted
with hystereses of TRUTHS and without a limit of gaps. "chosen": the error with the setting that is best, on average, on
the other sequences. Then, for windows of smoothing, the mean speed of tracks relative to that of the ground truth,
which is smoothed by 2 s. Minutes on one core; docs/counting.md.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import idfree
from idfree.core.boxes import bottom_centres
from idfree.counting.counter import Counter, CounterSettings
from idfree.counting.ground import measure_paths
from idfree.counting.shapes import Line
from idfree.sequences import open_source
from idfree.sequences.motchallenge import read_ground_truth
from idfree.sequences.tables import read_tracks

SEQUENCES = (
    *(f"MOT17/train/MOT17-{number}-FRCNN" for number in ("02", "04", "09", "10")),
    *("MOT15/train/PETS09-S2L1", "MOT15/train/TUD-Campus"),
)
LINES, LENGTH = 12, 0.5  # of a sequence, and their length in heights of the picture
HYSTERESES, GAPS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3), (0.5, 1.0, 2.0, 4.0)
WINDOWS = (0.05, 0.25, 0.5, 1.0, 2.0)  # s
TRUTHS = (0.02, 0.05, 0.1)
DEFAULT = CounterSettings()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    options = parser.parse_args()
    settings = {f"hysteresis {value:g}": CounterSettings(hysteresis=value) for value in HYSTERESES}
    settings |= {f"gap {value:g} s": CounterSettings(gap=value) for value in GAPS}
    errors = {name: measure(options.data / name, settings) for name in SEQUENCES}
    report(errors, [name for name in settings if name.startswith("hyst")])
    report(errors, [name for name in settings if name.startswith("gap")])
    print(f"\n| sequence | {' | '.join(f'{window:g} s' for window in WINDOWS)} |")
    for name, own in errors.items():
        print(f"| {Path(name).name} | {' | '.join(f'{ratio:.2f}' for ratio in own['speeds'])} |")


def measure(folder, settings):
    """The error of each setting on a sequence, and the number of true crossings."""
    (sequence,) = open_source(folder)
    with tempfile.TemporaryDirectory() as out:
        idfree.track_videos(folder, out, detector="det", camera="none", force=True)
        tracks = read_tracks(Path(out) / f"{sequence.name}.txt")
    truth = read_ground_truth(folder / "gt" / "gt.txt")
    truth = truth[(truth.score > 0) & (truth.class_id <= 1)]
    lines = random_lines(truth, sequence.size_hw[0])
    count = Count(lines, sequence)
    true = [count(truth, CounterSettings(value, gap=1e5)) for value in TRUTHS]
    errors = {name: np.mean([relative(count(tracks, each), t) for t in true]) for name, each in settings.items()}
    reference = mean_speed(truth, sequence, WINDOWS[-1])
    speeds = [mean_speed(tracks, sequence, window) / reference for window in WINDOWS]
    return errors | {"true": true[1].sum(), "speeds": speeds}


def mean_speed(tracks, sequence, window):
    """Length of all paths, in pixels, over the sum of their seconds."""
    paths = measure_paths(tracks, bottom_centres(tracks.xyxy), np.eye(3), sequence.frame_rate, window)
    return paths.metres.sum() / paths.seconds.sum()


def random_lines(truth, height):
    """Lines through random feet, in random directions."""
    rng = np.random.default_rng(0)
    middle = bottom_centres(truth.xyxy)[rng.integers(len(truth), size=LINES)]
    angle = rng.uniform(0, np.pi, LINES)
    reach = 0.5 * LENGTH * height * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return tuple(Line(str(k), np.stack([middle[k] - reach[k], middle[k] + reach[k]])) for k in range(LINES))


class Count:
    """Crossings (lines, 2) of tracks, with given settings."""

    def __init__(self, lines, sequence):
        self.lines, self.sequence = lines, sequence

    def __call__(self, tracks, settings):
        counter = Counter(self.lines, (), "bottom", self.sequence.frame_rate, settings)
        for frame in range(1, self.sequence.length + 1):
            counter.add(frame, tracks.tracks_at(frame))
        counter.finish()
        return counter.totals


def relative(counted, true):
    """Sum of the differences, relative to the sum of the true counts."""
    return np.abs(counted - true).sum() / true.sum()


def report(errors, names):
    """Print a table in Markdown, in percent."""
    table = np.array([[own[name] for name in names] for own in errors.values()])
    short = [name.split(" ", 1)[1] for name in names]
    print(f"\n| sequence | crossings | {' | '.join(short)} | chosen on the others |")
    print("|---|" + "---|" * (len(names) + 2))
    for k, (sequence, own) in enumerate(errors.items()):
        best = np.delete(table, k, axis=0).mean(axis=0).argmin()
        cells = " | ".join(f"{100 * value:.0f}" for value in table[k])
        print(f"| {Path(sequence).name} | {own['true']} | {cells} | {100 * table[k, best]:.0f} ({short[best]}) |")
    print(f"| mean | | {' | '.join(f'{100 * value:.0f}' for value in table.mean(axis=0))} | |")


if __name__ == "__main__":
    main()
