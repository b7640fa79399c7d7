"""track people (or whatever the detector finds) through videos

example: idfree track street.mp4 --detector yolox.onnx --video -o runs/street
         writes runs/street/street.txt (frame,id,x,y,w,h,score,class,-1,-1), street.mp4 and summary.json
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.detector_options import add_detector, add_frames, class_numbers, detectors, frames_of
from idfree.core.errors import UserError
from idfree.core.files import make_folder, write_text
from idfree.core.version import __version__

if TYPE_CHECKING:
    from idfree.appearance.encoder import Encoder
    from idfree.core.types import Annotation, Detector, Sequence
    from idfree.pipelines.selection import Selection

FORMATS = {"mot": "txt", "csv": "csv", "json": "json", "parquet": "parquet"}


def add(parser: argparse.ArgumentParser) -> None:
    """What users may say."""
    add_ = parser.add_argument
    add_(
        "source",
        nargs="+",
        help="video, folder of images, camera number, rtsp://…, MOTChallenge folder or many of them",
    )
    add_("-o", "--out", type=Path, help="folder for the results (default: runs/track/NAME)")
    add_detector(parser)
    add_(
        "--appearance",
        default="own",
        help="own (embeddings of the detections), colour, model.onnx (crop Re-ID) or none",
    )
    add_("--tracker", help="sort, iou, deepsort, bytetrack, ocsort, botsort, fairmot, fused (default: see README)")
    add_(
        "--camera",
        default="none",
        help="follow its motion: flow or ecc (measured, and kept for next time), or GMC files",
    )
    add_("--settings", type=Path, metavar="FILE", help="a tracker and its settings, as `idfree tune` writes them")
    add_(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a setting of the tracker, or detector.NAME=VALUE",
    )
    add_("--min-score", type=float, default=float("-inf"), help="ignore detections with a lower score")
    add_("--min-area", type=float, default=0.0, help="ignore detections smaller than this, in square pixels")
    add_frames(parser)
    add_("--fps", type=float, help="frames per second, where the source is wrong or silent about it")
    add_("--video", action="store_true", help="also write an annotated H.264 .mp4")
    add_("--show", action="store_true", help="also show it in a window while it runs")
    add_("--format", choices=tuple(FORMATS), default="mot", help="of the results")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Track every sequence of every source; gives the summary."""
    from idfree.pipelines.selection import Selection
    from idfree.pipelines.track import encoder_for
    from idfree.sequences import open_source

    sequences = [s for source in options.source for s in open_source(source)]
    refuse_same_names(sequences)
    out = options.out or Path("runs") / "track" / sequences[0].name
    detector_of = detectors(options)
    selection = Selection(
        **frames_of(options),
        classes=class_numbers(options),
        min_score=options.min_score,
        min_area=options.min_area,
        appearance=options.appearance,
    )
    encoder = encoder_for(options.appearance, options.device)
    make_folder(out)
    done: list[dict[str, Any]] = []
    try:
        for sequence in sequences:
            done.append(track_one(sequence, detector_of(sequence), selection, encoder, out, options))
            if not options.json:
                print(sentence(done[-1], out / f"{sequence.name}.{FORMATS[options.format]}"))
    finally:  # interrupted or not, what is done is kept
        summary = {"idfree": __version__, "complete": len(done) == len(sequences), "sequences": done}
        if done:
            write_text(out / "summary.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


def track_one(
    sequence: "Sequence",
    detector: "Detector",
    selection: "Selection",
    encoder: "Encoder | None",
    out: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Track one sequence and write what came of it; gives its summary.

    A camera has no end but Ctrl-C: what it gave until then is kept. Any other sequence is written whole or not at all.
    """
    from idfree.core.progress import progress
    from idfree.pipelines.track import prepare
    from idfree.show.video_output import VideoOutput

    if options.fps is not None:
        if options.fps <= 0:
            raise UserError(f"--fps {options.fps:g}: expected more than 0")
        sequence = replace(sequence, frame_rate=options.fps)
    pictured = options.video or options.show
    run = prepare(
        sequence,
        detector,
        *tracker_of(options),
        selection,
        images=pictured,
        camera=options.camera,
        encoder=encoder,
    )
    name, rate = run.sequence.name, run.sequence.frame_rate
    interrupted = False
    with VideoOutput(out / f"{name}.mp4" if options.video else None, rate, name if options.show else None) as film:
        try:
            for frame, tracks in progress(run, name, run.sequence.length, options.quiet):
                with run.clock.time("writing"):
                    film.add(frame, tracks)
        except KeyboardInterrupt:
            if sequence.length is not None:
                raise KeyboardInterrupt(f"{name} is unfinished, nothing of it was written") from None
            interrupted = True
    with run.clock.time("writing"):
        write(out / f"{name}.{FORMATS[options.format]}", run.result(), options.format)
    return {**run.summary(), "interrupted": interrupted}


def tracker_of(options: argparse.Namespace) -> tuple[str | None, tuple[str, ...]]:
    """The tracker and its settings: those of the file of --settings, if there is one, then those of --set."""
    assignments = tuple(a for a in options.set if not a.startswith("detector."))
    if options.settings is None:
        return options.tracker, assignments
    from idfree.pipelines.tune import read_settings

    tracker, said = read_settings(options.settings)
    if options.tracker not in (None, tracker):
        raise UserError(f"--tracker {options.tracker}: {options.settings} is for {tracker}")
    return tracker, said + assignments


def write(path: Path, result: "Annotation", format: str) -> None:
    """The results in the format that was asked for."""
    from idfree.sequences.motchallenge import write_results
    from idfree.sequences.tables import write_table

    if format == "mot":
        write_results(path, result)
    else:
        write_table(path, result, format)


def sentence(summary: dict[str, Any], path: Path) -> str:
    """What a person wants to know about one sequence when it is done."""
    rate = summary["frames_per_second"].get("all", 0)
    lost = f", {summary['frames_lost']} frames lost" if summary["frames_lost"] else ""
    return (
        f"{path}: {summary['tracks']} tracks, {summary['boxes']} boxes"
        f" in {summary['frames']} frames ({rate:.0f} frames/s){lost}"
    )


def refuse_same_names(sequences: "list[Sequence]") -> None:
    """Raises UserError where two sequences would write the same file."""
    names = [s.name for s in sequences]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{names.count(name)} sources are called {name}: their results would overwrite each other")
