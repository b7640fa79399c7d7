"""Error of counting at lines by hysteresis and gap, and of path lengths by smoothing window.

    python experiments/counting.py [--data ../shared/data]

Prints the tables of docs/counting.md. Random lines on each sequence; tracks of its public detections by motion only.
The error of a setting is the sum over lines and directions of |counted − true|, relative to the true number, averaged
over ground truths counted with the hystereses TRUE_HYSTERESES and no limit of gaps. "chosen on the others": the error
with the setting that has the lowest mean error on the other sequences. The last table is the mean speed of tracks by
window of smoothing, relative to that of the ground truth smoothed by 2 s. Takes minutes of one core.
"""

import tempfile
from pathlib import Path

import numpy as np
from footage import TRUTH
from study import make_parser, markdown_header, markdown_row

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
    *(TRUTH["PETS09-S2L1"], TRUTH["TUD-Campus"]),
)
LINES, LENGTH = 12, 0.5  # of a sequence, and their length in heights of the image
HYSTERESES = {f"{value:g}": CounterSettings(hysteresis=value) for value in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)}
GAPS = {f"{value:g} s": CounterSettings(gap=value) for value in (0.5, 1.0, 2.0, 4.0)}
WINDOWS = (0.05, 0.25, 0.5, 1.0, 2.0)  # s
TRUE_HYSTERESES = (0.02, 0.05, 0.1)
NO_LIMIT = 1e5  # s


class Sequence:
    """A sequence with random lines, its ground truth, and tracks of its public detections."""

    def __init__(self, folder):
        (self.sequence,) = open_source(folder)
        self.name = Path(folder).name
        with tempfile.TemporaryDirectory() as out:
            idfree.track_videos(folder, out, detector="det", camera="none", force=True)
            self.tracks = read_tracks(Path(out) / f"{self.sequence.name}.txt")
        truth = read_ground_truth(folder / "gt" / "gt.txt")
        self.truth = truth[(truth.score > 0) & (truth.class_id <= 1)]
        self.lines = random_lines(self.truth, self.sequence.size_hw[0])
        self.counts = [self.count(self.truth, CounterSettings(value, gap=NO_LIMIT)) for value in TRUE_HYSTERESES]

    def count(self, tracks, settings):
        """Crossings (lines, 2) of tracks by line and direction."""
        counter = Counter(self.lines, (), "bottom", self.sequence.frame_rate, settings)
        for frame in range(1, self.sequence.length + 1):
            counter.add(frame, tracks.tracks_at(frame))
        counter.finish()
        return counter.totals

    def error(self, settings):
        """Relative error of the count of the tracks."""
        counted = self.count(self.tracks, settings)
        return np.mean([np.abs(counted - true).sum() / true.sum() for true in self.counts])

    def speed_ratios(self):
        """Mean speed of the tracks by window, relative to that of the ground truth."""
        reference = self.mean_speed(self.truth, WINDOWS[-1])
        return [self.mean_speed(self.tracks, window) / reference for window in WINDOWS]

    def mean_speed(self, tracks, window):
        """Length of all paths in pixels over the sum of their durations in seconds."""
        feet = bottom_centres(tracks.xyxy)
        paths = measure_paths(tracks, feet, np.eye(3), self.sequence.frame_rate, window)
        return paths.metres.sum() / paths.seconds.sum()


def random_lines(truth, height):
    """Lines through random feet, in random directions."""
    rng = np.random.default_rng(0)
    middle = bottom_centres(truth.xyxy)[rng.integers(len(truth), size=LINES)]
    angle = rng.uniform(0, np.pi, LINES)
    reach = 0.5 * LENGTH * height * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return tuple(Line(str(k), np.stack([middle[k] - reach[k], middle[k] + reach[k]])) for k in range(LINES))


def print_errors(sequences, settings):
    """Print the table of errors in percent. settings: by title."""
    titles, errors = list(settings), np.array([[each.error(v) for v in settings.values()] for each in sequences])
    print("\n" + markdown_header("sequence", "crossings", *titles, "chosen on the others"))
    for k, sequence in enumerate(sequences):
        best = np.delete(errors, k, axis=0).mean(axis=0).argmin()
        crossings = sequence.counts[1].sum()  # with the default hysteresis
        chosen = f"{100 * errors[k, best]:.0f} ({titles[best]})"
        print(markdown_row(sequence.name, crossings, *percent(errors[k]), chosen))
    print(markdown_row("mean", "", *percent(errors.mean(axis=0)), ""))


def percent(values):
    return [f"{100 * value:.0f}" for value in values]


def main():
    options = make_parser(__doc__).parse_args()
    sequences = [Sequence(options.data / name) for name in SEQUENCES]
    print_errors(sequences, HYSTERESES)
    print_errors(sequences, GAPS)
    print("\n" + markdown_header("sequence", *(f"{window:g} s" for window in WINDOWS)))
    for sequence in sequences:
        print(markdown_row(sequence.name, *(f"{ratio:.2f}" for ratio in sequence.speed_ratios())))


if __name__ == "__main__":
    main()
