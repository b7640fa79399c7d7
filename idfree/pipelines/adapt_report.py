"""Report on the training of an appearance encoder: pseudo-labels, evaluation on held-out tracklets, advice."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from idfree.appearance.calibrate import EDGES
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.concatenated import ConcatenatedEncoder
from idfree.appearance.encoder import Encoder
from idfree.core.cropset import CropSet
from idfree.pipelines.adapt_people import group_people
from idfree.pipelines.calibration import calibrate_on_crops, evaluate_on_crops
from idfree.show.report import crop_sheet, histogram, render_page

FEW_TRACKLETS = 30
LOW_HEIGHT = 64  # px
LARGE_FRACTION = 0.25  # of all boxes, in one tracklet
LOW_FRACTION_KEPT = 0.2
FEW_HELD_OUT = 10  # tracklets: of fewer, equal error rates of less than one in ten are mostly luck
TIE = 0.005  # difference of two equal error rates that counts as none

Better = Literal["model", "colour", "unknown"]
GROUPS = "Crops, as the model groups them"
HELD_OUT = "What the model can tell apart"


def make_report(
    encoder: Encoder, crops: CropSet, held_out: CropSet, label_reports: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The report, ready for JSON: match threshold ("limit"), numbers of tracklets and crops, the reports on the
    pseudo-labels of each video, the metrics of the encoder and of a colour histogram on held-out tracklets (and the
    number of those, and of pairs of them that coexist), which of the two is better, and advice.
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
        "better": compare_with_colour(metrics),
        "verdict": give_verdict(metrics),
        "advice": give_advice(crops, label_reports),
    }


def compare_with_colour(held_out: Mapping[str, Any]) -> Better:
    """Whether the model or a colour histogram separates held-out tracklets better: by the equal error rates or, of
    many tracklets whose rates are equal, by d′; "unknown" of few.
    """
    model, colour = held_out["model"], held_out["colour"]
    if "error" not in model:
        return "unknown"
    gain = colour["error"] - model["error"]
    if abs(gain) < TIE:
        if held_out["tracklets"] < FEW_HELD_OUT:
            return "unknown"
        gain = model["d_prime"] - colour["d_prime"]
    return "model" if gain > 0 else "colour"


def give_verdict(held_out: Mapping[str, Any]) -> str:
    """Whether the model separates held-out tracklets better than a colour histogram, in words."""
    model, colour, count = held_out["model"], held_out["colour"], held_out["tracklets"]
    if "error" not in model:
        return (
            "Cannot tell whether the model is better than plain colour: no two of the"
            f" {count} held-out tracklets are seen at the same time."
        )
    rates = (
        f"equal error rate {100 * model['error']:.2f} %, plain colour {100 * colour['error']:.2f} %;"
        f" separation d′ {model['d_prime']:.1f}, plain colour {colour['d_prime']:.1f}"
    )
    better = compare_with_colour(held_out)
    if better == "unknown":
        return (
            f"Cannot tell whether the model is better than plain colour: only {count} held-out tracklets, on"
            f" which their errors do not differ ({rates}). Track with both and compare the videos."
        )
    few = f" This is uncertain: only {count} tracklets were held out." if count < FEW_HELD_OUT else ""
    if better == "model":
        return f"The model separates people that it was not trained on better than plain colour does: {rates}.{few}"
    return f"The model is no better than plain colour ({rates}): --appearance colour is the safer choice here.{few}"


def next_commands(
    better: Better, model: str, videos: Sequence[str], detector: str, classes: str = "", detector_format: str = ""
) -> list[str]:
    """Shell commands that track the videos with what the verdict recommends; with both, if it cannot tell."""
    options = ["--detector", detector]
    options += ["--detector-format", detector_format] if detector_format else []
    options += ["--classes", classes] if classes else []
    appearances = {"model": [model], "colour": ["colour"], "unknown": [model, "colour"]}[better]
    names = ["model", "colour"] if better == "unknown" else ["track"]
    return [
        shlex.join(["idfree", "track", *videos, *options, "--appearance", appearance, "--video", "-o", f"runs/{name}"])
        for appearance, name in zip(appearances, names, strict=True)
    ]


def give_advice(crops: CropSet, label_reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a user may improve, in sentences."""
    advice = []
    median_height = np.median(crops.xyxy[:, 3] - crops.xyxy[:, 1]) if len(crops) else 0
    if crops.tracklet_count < FEW_TRACKLETS:
        advice.append(f"Only {crops.tracklet_count} tracklets: more or longer footage teaches more.")
    if median_height < LOW_HEIGHT:
        advice.append(f"Half of the boxes are under {median_height:.0f} px tall: appearance is hard to see in them.")
    for name, report in label_reports.items():
        if report["largest"] > LARGE_FRACTION:
            advice.append(f"{name}: one tracklet holds {100 * report['largest']:.0f} % of all boxes.")
        if report["kept"] is not None and report["kept"] < LOW_FRACTION_KEPT:
            advice.append(
                f"{name}: {100 * (1 - report['kept']):.0f} % of the boxes were not fit to learn from (--set label.…)."
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
    name = "model with colour" if isinstance(encoder, ConcatenatedEncoder) else "model"
    tables = {
        "Pseudo-labels": label_table(report["videos"]),
        HELD_OUT: held_out_table(report["held_out"], name),
    }
    notes = {HELD_OUT: describe_held_out(report["held_out"]), GROUPS: describe_groups(people, report)}
    title, commands = "Appearance model trained on these videos", report.get("next", ())
    return render_page(title, tables, report["advice"], images, [report["verdict"]], commands, notes)


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
