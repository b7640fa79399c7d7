"""Whole-video tracks: what `idfree refine` gains over tracks as they come, and beside an off-line tracker.

    python experiments/offline.py --data ../shared/data --out OUT

writes docs/offline_results.md. Tracks and refined tracks are kept in OUT; a second run continues there. Trackers:
`fused` with `--appearance colour`, refined with the same colours, where there is a video; `bytetrack` and `sort`
without images, refined by motion alone. yolox-x learnt on first halves: second halves are judged. LifT (Hornakova 2020)
is off-line and learnt its appearance from identities; its published tracks are `reference/lif_t`. About half an hour.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "offline_results.md"
TRACKERS = {"fused": "colour", "bytetrack": "none", "sort": "none"}  # and the appearance of each
METRICS = ("HOTA", "IDF1", "MOTA")
LAGS = (1.0, 2.0, 5.0)  # s
DELAYED = ("MOT17-04-SDP", "MOT17-09-SDP", "PETS09-S2L1")
MUST_SHOW = ("MOT17-04", "MOT17-09", "PETS09-S2L1", "TUD-Campus")
HEAD = """# Whole-video tracks: figures

Made by `python experiments/offline.py --data ../shared/data --out OUT`; see there what each row is. HOTA / IDF1, in
percent: of tracks as they come (on-line), of the same tracks refined (off-line), and the gain. No setting differs
between sequences.
"""


@dataclass(frozen=True)
class Case:
    """Detections of a sequence: its name, folder with ground truth, boxes, video (or None), and the half judged."""

    name: str
    folder: Path
    boxes: Path
    video: Path | None
    half: str = "none"


def cases(data):
    """All sequences with ground truth."""
    mot17, stored, videos = data / "MOT17" / "train", data / "detections", data / "videos"
    for number in ("02", "04", "09", "10"):
        video = videos / f"MOT17-{number}.mp4"
        video = video if video.exists() else None
        for kind in ("SDP", "FRCNN", "DPM"):
            folder = mot17 / f"MOT17-{number}-{kind}"
            yield Case(folder.name, folder, folder / "det" / "det.txt", video)
        boxes = stored / "yolox-x-mot17" / f"MOT17-{number}.txt"
        yield Case(f"MOT17-{number} yolox-x", mot17 / f"MOT17-{number}-SDP", boxes, video, "val")
    for name in ("PETS09-S2L1", "TUD-Campus", "KITTI-17"):
        folder = data / "MOT15" / "train" / name
        yield Case(name, folder, folder / "det" / "det.txt", videos / f"{name}.mp4")
    walk = data / "moving" / "ETH-Sunnyday"
    yield Case(walk.name, walk, walk / "det" / "det.txt", walk / "ETH-Sunnyday.mp4")
    crowd = data / "MOT20" / "train" / "MOT20-01"
    yield Case(crowd.name, crowd, stored / "yolox-x-mot20" / "MOT20-01.txt", None)
    for folder in sorted((data / "DanceTrack" / "val").iterdir()):
        yield Case(folder.name, folder, stored / "yolox-x-dancetrack" / f"{folder.name}.txt", None)


def tracks(case, tracker, out):
    """The folder with the tracks of a tracker, which are made unless they are there."""
    from idfree import track_videos

    folder = out / tracker / case.name.replace(" ", "-") / "on-line"
    if not (folder / "summary.json").exists():
        source = case.video if TRACKERS[tracker] != "none" else case.folder
        track_videos(source, folder, detector=case.boxes, tracker=tracker, appearance=TRACKERS[tracker], camera="none")
    return folder


def refined(case, tracker, online):
    """The folder with the tracks refined, which are made unless they are there."""
    from idfree import refine

    folder = online.parent / "off-line"
    if not (folder / "summary.json").exists():
        source = case.video if TRACKERS[tracker] != "none" else case.folder
        refine(next(online.glob("*.txt")), source, folder, appearance=TRACKERS[tracker])
    return folder


def delayed(case, tracker, out):
    """Files of tracks by title: as they come, with each lag, and of the whole video; of one run of the tracker."""
    from idfree.offline.fixed_lag import FixedLag
    from idfree.offline.kept_embeddings import KeptEmbeddings
    from idfree.offline.whole_video import Video, refine_tracks
    from idfree.pipelines.open_appearance import open_appearance
    from idfree.pipelines.open_detector import open_any_detector
    from idfree.pipelines.prepare import prepare
    from idfree.pipelines.tracking_run import concatenate_tracks
    from idfree.sequences import open_source
    from idfree.sequences.motchallenge import write_results

    titles = ["as they come", *(f"lag {lag:g} s" for lag in LAGS), "whole video"]
    folder = out / "delayed" / tracker / case.name
    files = {title: folder / title.replace(" ", "-") / f"{case.folder.name}.txt" for title in titles}
    if files["whole video"].exists():
        return files
    looks = TRACKERS[tracker]
    (sequence,) = open_source(case.video if looks != "none" else case.folder)
    detector, _ = open_any_detector(case.boxes, "", "auto", sequence)
    run = prepare(sequence, detector, tracker, images=False, encoder=open_appearance(looks))
    run.kept, video = KeptEmbeddings(), Video(sequence.frame_rate, sequence.size_hw)
    lags, found = [FixedLag(lag, video) for lag in LAGS], {title: [] for title in titles}
    for frame, now in run:
        found["as they come"].append((frame.number, now))
        for title, lag in zip(titles[1:], lags, strict=False):
            found[title] += lag.add(frame.number, now, frame.time, None, run.detections)
    for title, lag in zip(titles[1:], lags, strict=False):
        found[title] += lag.finish()
    tables = {title: concatenate_tracks(rows) for title, rows in found.items() if rows}
    tables["whole video"] = refine_tracks(tables["as they come"], video, run.kept)
    for title, rows in tables.items():
        files[title].parent.mkdir(parents=True, exist_ok=True)
        write_results(files[title], rows)
    return files


def judge(case, results):
    """The figures of one file of results, in percent."""
    from idfree import evaluate

    figures = evaluate(results, case.folder, half=case.half)["COMBINED"]
    return [100 * figures[name] for name in METRICS]


def pair(figures):
    """HOTA / IDF1 as text."""
    return f"{figures[0]:.1f} / {figures[1]:.1f}"


def table(tracker, data, out):
    """Lines of the page: a row per sequence, then means."""
    lines = ["| sequence | as they come | refined | gain |", "|---|---|---|---|"]
    gains = {}
    for case in cases(data):
        if TRACKERS[tracker] != "none" and case.video is None:
            continue
        online = tracks(case, tracker, out)
        before = judge(case, next(online.glob("*.txt")))
        after = judge(case, next(refined(case, tracker, online).glob("*.txt")))
        gains[case.name] = [b - a for a, b in zip(before, after, strict=True)]
        hota, idf1, _ = gains[case.name]
        lines.append(f"| {case.name} | {pair(before)} | {pair(after)} | {hota:+.1f} / {idf1:+.1f} |")
        print(tracker, lines[-1], flush=True)
    chosen = [g for n, g in gains.items() if n.startswith(MUST_SHOW) and not n.endswith("DPM")]
    for title, group in (
        ("mean of MOT17-04, -09 (without DPM), PETS09, TUD", chosen),
        ("mean of all", [*gains.values()]),
    ):
        mean = [sum(column) / len(group) for column in zip(*group, strict=True)]
        lines.append(f"| {title} | | | {mean[0]:+.1f} / {mean[1]:+.1f} |")
    return lines


def with_delay(data, out):
    """Lines of the page: on-line, with each lag, and off-line."""
    lines = []
    for tracker in ("bytetrack", "fused"):
        for case in cases(data):
            if case.name in DELAYED:
                files = delayed(case, tracker, out)
                if not lines:
                    lines += [f"| tracker, sequence | {' | '.join(files)} |", "|---|" + "---|" * len(files)]
                figures = [pair(judge(case, file)) for file in files.values()]
                lines.append(f"| {tracker}, {case.name} | {' | '.join(figures)} |")
                print(lines[-1], flush=True)
    return lines


def beside_lift(data, out):
    """Lines of the page: refined tracks beside LifT's, on the same detections."""
    lines = ["| sequence | fused, refined | bytetrack, refined | LifT |", "|---|---|---|---|"]
    for case in cases(data):
        reference = data / "reference" / "lif_t" / f"{case.name}.txt"
        if not reference.exists():
            continue
        files = [out / t / case.name / "off-line" for t in ("fused", "bytetrack")]
        ours = [pair(judge(case, next(f.glob("*.txt")))) if f.exists() else "no video" for f in files]
        lines.append(f"| {case.name} | {ours[0]} | {ours[1]} | {pair(judge(case, reference))} |")
    return lines


def lift_refined(data, out):
    """Lines of the page: LifT's own tracks, refined by motion alone."""
    from idfree import refine

    lines = ["| sequence | LifT | refined |", "|---|---|---|"]
    for case in cases(data):
        reference = data / "reference" / "lif_t" / f"{case.name}.txt"
        if reference.exists():
            folder = out / "lif_t" / case.name
            if not (folder / "summary.json").exists():
                refine(reference, case.folder, folder)
            lines.append(
                f"| {case.name} | {pair(judge(case, reference))} | {pair(judge(case, folder / reference.name))} |"
            )
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/offline"))
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()

    from idfree.core.files import write_text

    page = [HEAD]
    for tracker, looks in TRACKERS.items():
        how = "motion alone" if looks == "none" else f"`--appearance {looks}`"
        page += [f"## {tracker}, {how}\n", *table(tracker, options.data, options.out), ""]
        write_text(options.page, "\n".join(page))
    page += ["## Beside LifT\n", *beside_lift(options.data, options.out), ""]
    page += ["## With a delay (`track --lag`)\n", *with_delay(options.data, options.out), ""]
    page += ["## LifT's own tracks, refined\n", *lift_refined(options.data, options.out), ""]
    write_text(options.page, "\n".join(page))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
