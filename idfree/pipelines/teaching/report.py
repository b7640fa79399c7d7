"""Report of `idfree teach`: the training data, how well embeddings separate held-out tracklets, and advice."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from idfree.appearance.calibrate import EDGES
from idfree.core.wording import counted
from idfree.pipelines.adaptation.report import FEW_TRACKLETS, LARGE_FRACTION, label_table
from idfree.pipelines.teaching.features import BoxFeatures
from idfree.pipelines.teaching.head import TaughtHead
from idfree.show.report import histogram, render_page

FEW_FRAMES = 200  # some ten seconds of video


def complete_report(
    report: Mapping[str, Any],
    boxes: BoxFeatures,
    videos: Sequence[str],
    detector: str,
    classes: str = "",
    detector_format: str = "",
    settings: Iterable[str] = (),
) -> dict[str, Any]:
    """The report with a verdict, advice, and what to do next; the other arguments are as of `next_commands`."""
    return {
        **report,
        "verdict": give_verdict(report),
        "advice": give_advice(boxes, report["videos"]),
        "choice": name_next_step(is_better(report)),
        "next": next_commands(report, videos, detector, classes, detector_format, settings),
    }


def is_better(report: Mapping[str, Any]) -> bool:
    """Whether what the taught file carries tells held-out tracklets apart better than colour; False if unknown."""
    carried = report["both"] if report["colour_weight"] else report["head"]
    return bool(report["held_out"]) and carried["error"] < report["colour"]["error"]


def give_verdict(report: Mapping[str, Any]) -> str:
    """Whether the head adds to a colour histogram, by their equal error rates on held-out tracklets."""
    if not report["held_out"]:
        return "Too few tracklets coexist to judge the head on some that it was not learnt from."
    head, colour, both = (100 * report[name]["error"] for name in ("head", "colour", "both"))
    rates = f"equal error rate (lower is better) head {head:.2f} %, colour {colour:.2f} %, both {both:.2f} %"
    separations = ", ".join(f"{name} {report[name]['d_prime']:.1f}" for name in ("head", "colour", "both"))
    rates += f"; separation d′ (higher is better) {separations}"
    if not report["colour_weight"]:
        return f"On people that the head was not learnt from: {rates}."
    if both < colour:
        return f"Head and colour together tell held-out objects apart better than colour alone: {rates}."
    if report["tracklets"] < FEW_TRACKLETS:  # of which each fold learns from half
        return (
            f"Too few tracklets to say whether the head adds to colour; learnt from half of them, it does not: {rates}."
        )
    return f"The head adds nothing to colour here: {rates}."


def give_advice(boxes: BoxFeatures, reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a user may improve, in sentences."""
    advice = []
    frames = sum(report["frames"] for report in reports.values())
    if frames < FEW_FRAMES:
        few = counted(frames, "frame")
        advice.append(f"Only {few}: a head from so few tells little more than these objects apart.")
    if boxes.tracklet_count < FEW_TRACKLETS:
        advice.append(f"Only {counted(boxes.tracklet_count, 'tracklet')}: more or longer footage teaches more.")
    for name, report in reports.items():
        if report["largest"] > LARGE_FRACTION:
            advice.append(f"{name}: one tracklet contains {100 * report['largest']:.0f} % of all boxes.")
    return advice


def name_next_step(is_better: bool) -> str:
    """Whether the taught file is worth tracking with."""
    if is_better:
        return "The taught file tells held-out objects apart better than colour alone."
    return "No gain over colour is shown: the detector as it was, with colour, is the safer choice."


def next_commands(
    report: Mapping[str, Any],
    videos: Sequence[str],
    detector: str,
    classes: str = "",
    detector_format: str = "",
    settings: Iterable[str] = (),
) -> list[str]:
    """Shell commands that track the videos: with the taught file, and before it with the detector and colour, which is
    the default, where no gain over colour is shown.
    """
    track = ["idfree", "track", *videos, "--detector"]
    options = ["--detector-format", detector_format] if detector_format else []
    options += ["--classes", classes] if classes else []
    options += [word for each in settings for word in ("--set", f"detector.{each}")]
    taught, safer = [*track, report["model"]], [*track, detector, *options]
    return [shlex.join(each) for each in ([taught] if is_better(report) else [safer, taught])]


def render_report(report: Mapping[str, Any], taught: TaughtHead) -> str:
    """The report as an HTML page."""
    rows = [["held-out tracklets", "equal error", "d′", "match threshold"]]
    for name, title in (("head", "the head"), ("colour", "colour"), ("both", "both")):
        figures = report[name]
        cells = [f"{100 * figures['error']:.2f} %", f"{figures['d_prime']:.1f}", f"{figures['limit']:.3f}"]
        rows.append([title, *cells])
    maps = [["tensor", "channels", "stride"]]
    maps += [[each["name"], str(each["channels"]), str(each["stride"])] for each in report["maps"]]
    tables = {
        "Pseudo-labels": label_table(report["videos"]),
        "What can be told apart": rows,
        "Feature maps that are read": maps,
    }
    mixed = taught.mixed
    figure = histogram(mixed.same, mixed.different, EDGES, mixed.match_threshold)
    lead, figures = [report["verdict"], report["choice"]], {"Distances between boxes of held-out tracklets": figure}
    title = "A detector taught to tell objects apart"
    return render_page(title, tables, report["advice"], figures, lead, report["next"])
