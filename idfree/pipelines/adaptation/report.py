"""Report on the training of an appearance encoder: pseudo-labels, evaluation on held-out tracklets, advice."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from idfree.appearance.calibrate import EDGES
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.encoder import Encoder
from idfree.core.cropset import CropSet
from idfree.core.wording import counted
from idfree.pipelines.adaptation.people import group_people
from idfree.pipelines.adaptation.relink import FEW_JUDGED, GAP, MIN_HALF
from idfree.pipelines.labelling.calibration import calibrate_on_crops, evaluate_on_crops
from idfree.show.report import crop_sheet, histogram, render_page

FEW_TRACKLETS = 30
LOW_HEIGHT = 64  # px
LARGE_FRACTION = 0.25  # of all boxes, in one tracklet
LOW_FRACTION_KEPT = 0.2

GROUPS = "Crops, as the model groups them"
RELINKED = "Re-linking of cut tracklets, by candidate"
HELD_OUT = "Pairs of held-out tracklets"


def make_report(
    encoder: Encoder,
    crops: CropSet,
    held_out: CropSet,
    label_reports: Mapping[str, Mapping[str, Any]],
    relinking: Mapping[str, Any],
) -> dict[str, Any]:
    """The report, ready for JSON: match threshold ("limit"), numbers of tracklets and crops, the reports on the
    pseudo-labels of each video, the metrics of the encoder and of a colour histogram on held-out tracklets (and the
    number of those, and of pairs of them that coexist), the acceptance test (see adapt_relink.py), and advice.
    """
    spans = held_out.spans()
    metrics = {
        "tracklets": len(spans),
        "coexisting_pairs": sum(len(spans.partners(tracklet)) for tracklet in range(len(spans))) // 2,
        "model": evaluate_on_crops(encoder.embed_crops, held_out),
        "colour": evaluate_on_crops(ColourHistogram().embed_crops, held_out),
    }
    return {
        "limit": encoder.match_threshold,
        "tracklets": crops.tracklet_count,
        "crops": len(crops),
        "videos": dict(label_reports),
        "held_out": metrics,
        "relinking": dict(relinking),
        "verdict": give_verdict(relinking, crops.tracklet_count),
        "advice": give_advice(crops, label_reports),
    }


NAMES = {
    "colour": "plain colour",
    "people": "the crop network that comes with idfree",
    "adapted": "the crop network adapted to these videos",
    "trained": "the network trained on these videos",
    "teacher": "the teacher",
}
NO_TORCH = "PyTorch is not installed, so no network was trained on these videos: pip install 'idfree[train]'"


def give_verdict(relinking: Mapping[str, Any], found: int) -> str:
    """Which candidate was selected and why, in words. found: the number of tracklets, of which long ones are tested."""
    candidates, winner = relinking["candidates"], relinking["winner"]
    shares = "; ".join(f"{name} in {describe_relinking(candidates[name])}" for name in candidates if name != "nothing")
    test = (
        f"The test: {relinking['tracklets']} tracklets were cut in two, {relinking['cuts']} times in all, and the later"
        f" part found again: {shares}."
    )
    selected = f"Selected: {NAMES[winner]}"
    if winner != relinking["default"]:
        gain = f"{100 * relinking['gain']:+.1f} ± {100 * relinking['standard_error']:.1f} points"
        over = NAMES[candidates[winner]["over"]]
        return f"{selected}, which is clearly better in the test than {over} ({gain}). {test}"
    if relinking["tracklets"] < FEW_JUDGED:
        return (
            f"{selected}, which `adapt` takes where there are too few tracklets to test whether another is better. The"
            " test takes the middle out of a tracklet and asks each candidate to find the later part again;"
            f" {relinking['tracklets']} of {found} tracklets are long enough for that ({MIN_HALF} crops before and"
            f" {MIN_HALF} after a gap of {GAP[0]:g} s), expected {FEW_JUDGED}. Give a longer video, or several videos."
        )
    return f"{selected}. `adapt` takes it unless another is better by twice the standard error; none is. {test}"


def describe_relinking(shares: Mapping[str, float | None]) -> str:
    """Shares of the cuts that a candidate re-links, in words."""
    return f"{percent(shares['rank1'])} ({percent(shares['right'])} within its threshold)"


def percent(share: float | None) -> str:
    """A share in percent; – if unknown."""
    return "–" if share is None else f"{100 * share:.1f} %"


def next_commands(
    model: str, videos: Sequence[str], detector: str, classes: str = "", detector_format: str = ""
) -> list[str]:
    """The shell command that tracks the videos with what the test chose."""
    options = ["--detector", detector]
    options += ["--detector-format", detector_format] if detector_format else []
    options += ["--classes", classes] if classes else []
    return [shlex.join(["idfree", "track", *videos, *options, "--appearance", model, "--video", "-o", "runs/track"])]


def give_advice(crops: CropSet, label_reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a user may improve, in sentences."""
    advice = []
    median_height = np.median(crops.xyxy[:, 3] - crops.xyxy[:, 1]) if len(crops) else 0
    if crops.tracklet_count < FEW_TRACKLETS:
        advice.append(f"Only {counted(crops.tracklet_count, 'tracklet')}: more or longer footage teaches more.")
    if median_height < LOW_HEIGHT:
        advice.append(f"Half of the boxes are under {median_height:.0f} px tall: appearance is hard to see in them.")
    for name, report in label_reports.items():
        if report["largest"] > LARGE_FRACTION:
            advice.append(f"{name}: one tracklet contains {100 * report['largest']:.0f} % of all boxes.")
        if report["kept"] is not None and report["kept"] < LOW_FRACTION_KEPT:
            advice.append(
                f"{name}: {100 * (1 - report['kept']):.0f} % of the boxes were not fit to learn from"
                " (idfree adapt --set label.…)."
            )
    if not crops.spans().have_partner().any():
        advice.append("No two tracklets overlap in time, so nobody is certainly somebody else.")
    return advice


def render_report(encoder: Encoder, crops: CropSet, report: Mapping[str, Any]) -> str:
    """The report as an HTML page."""
    images = {}
    if calibration := calibrate_on_crops(encoder.embed_crops, crops):
        images["Distances between crops"] = histogram(
            calibration.same, calibration.different, EDGES, calibration.match_threshold
        )
    people = group_people(encoder, crops, list(report["videos"]))
    images[GROUPS] = crop_sheet(people)
    tables = {
        "Pseudo-labels": label_table(report["videos"]),
        RELINKED: relinking_table(report["relinking"]),
        HELD_OUT: held_out_table(report["held_out"], "selected model"),
    }
    notes = {
        RELINKED: describe_test(report["relinking"]),
        HELD_OUT: describe_held_out(report["held_out"]),
        GROUPS: describe_groups(people, report),
    }
    title, commands = "Appearance model for these videos", report.get("next", ())
    return render_page(title, tables, report["advice"], images, [report["verdict"]], commands, notes)


def relinking_table(relinking: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of the acceptance test, a row for each candidate."""
    rows = [["", "nearest (rank 1)", "nearest and within the threshold", "gain", ""]]
    for name, shares in relinking["candidates"].items():
        gain = "too few tracklets" if "over" in shares else ""
        if shares.get("gain") is not None:
            gain = f"{100 * shares['gain']:+.1f} ± {100 * shares['standard_error']:.1f} over {shares['over']}"
        chosen = "chosen" if name == relinking["winner"] else ""
        rows.append([name, percent(shares["rank1"]), percent(shares["right"]), gain, chosen])
    return rows


def describe_test(relinking: Mapping[str, Any]) -> str:
    """What the acceptance test measures."""
    return (
        f"{relinking['tracklets']} tracklets, cut in two {relinking['cuts']} times, {GAP[0]:g} to {GAP[1]:g} s apart:"
        " how often the later half is nearest to its own earlier half, among all tracklets that have begun by then, and"
        " no candidate judged on tracklets that it was learnt from (trained: on the held-out ones). Gain: of the mean"
        " of both shares, ± its standard error over tracklets, over the best of the rows above; below twice that error,"
        " that one stays. nothing: by position alone, for comparison."
    )


def describe_held_out(held_out: Mapping[str, Any]) -> str:
    """How much the metrics rest on, and what they mean."""
    same, different = held_out["model"]["pairs"]
    return (
        f"From {held_out['tracklets']} tracklets that it was not trained on; pairs of tracklets that are seen at the"
        f" same time: {held_out['coexisting_pairs']}; pairs of crops: {same} of one tracklet, {different} of two. TPR:"
        " share of the first that are accepted where that share of the second is (FAR). d′: difference of the mean"
        " distances over their standard deviation; higher is better."
    )


def describe_groups(people: Sequence[tuple[str, Sequence[Any]]], report: Mapping[str, Any]) -> str:
    """What the rows of crops show."""
    shown = sum(len(rows) for _, rows in people)
    share = f"{shown} of {report['tracklets']} tracklets. " if shown < report["tracklets"] else ""
    if report["limit"] is None:
        return f"{share}A tracklet each row: the match threshold is unknown, so they are not grouped."
    return (
        f"{share}Tracklets whose mean distance is below the match threshold {report['limit']:.2f} are taken for one"
        " person, except if they are seen at the same time or in different videos. Two people under one heading, or"
        " one under two, are the model's mistakes."
    )


def label_table(label_reports: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the table of pseudo-labels, a row for each video."""
    rows = [["video", "tracklets", "boxes", "kept", "median length"]]
    for name, report in label_reports.items():
        kept = "" if report["kept"] is None else f"{100 * report['kept']:.0f} %"
        median_length = f"{report['length']['median']:.0f}"
        rows.append([name, str(report["tracklets"]), str(report["boxes"]), kept, median_length])
    return rows


def held_out_table(held_out: Mapping[str, Any], name: str) -> list[list[str]]:
    """Rows of the table of metrics on held-out tracklets, for the encoder, called `name`, and a colour histogram."""
    rows = [["", "TPR at FAR 0.1", "TPR at FAR 0.01", "equal error", "d′"]]
    for title, key in ((name, "model"), ("plain colour", "colour")):
        metrics = held_out[key]
        rates = [metrics.get(name) for name in ("TPR@0.1", "TPR@0.01", "error")]
        cells = ["–" if rate is None else f"{100 * rate:.1f} %" for rate in rates]
        rows.append([title, *cells, f"{metrics['d_prime']:.1f}" if "d_prime" in metrics else "–"])
    return rows
