"""Report on the training of an appearance encoder: pseudo-labels, evaluation on held-out tracklets, advice."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from idfree.appearance.calibrate import EDGES
from idfree.appearance.colour import ColourHistogram
from idfree.appearance.encoder import Encoder
from idfree.core.cropset import CropSet
from idfree.pipelines.calibration import calibrate_on_crops, evaluate_on_crops
from idfree.show.report import crop_sheet, histogram, render_page

FEW_TRACKLETS = 30
LOW_HEIGHT = 64  # px
LARGE_FRACTION = 0.25  # of all boxes, in one tracklet
LOW_FRACTION_KEPT = 0.2


def make_report(
    encoder: Encoder, crops: CropSet, held_out: CropSet, label_reports: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The report, ready for JSON: match threshold ("limit"), numbers of tracklets and crops, the reports on the
    pseudo-labels of each video, the metrics of the encoder and of a colour histogram on held-out tracklets, advice.
    """
    metrics = {
        "tracklets": held_out.tracklet_count,
        "model": evaluate_on_crops(encoder.embed_crops, held_out),
        "colour": evaluate_on_crops(ColourHistogram().embed_crops, held_out),
    }
    return {
        "limit": encoder.match_threshold,
        "tracklets": crops.tracklet_count,
        "crops": len(crops),
        "videos": dict(label_reports),
        "held_out": metrics,
        "verdict": give_verdict(metrics),
        "advice": give_advice(crops, label_reports),
    }


def give_verdict(held_out: Mapping[str, Any]) -> str:
    """Whether the model separates held-out tracklets better than a colour histogram, by their equal error rates."""
    model, colour = (held_out[name].get("error") for name in ("model", "colour"))
    if model is None or colour is None:
        return "Too few tracklets overlap in time to tell whether the model is better than plain colour."
    rates = f"equal error rate {100 * model:.2f} %, plain colour {100 * colour:.2f} %"
    if model < colour:
        return f"The model separates people that it was not trained on better than plain colour does: {rates}."
    return f"The model is no better than plain colour ({rates}): --appearance colour is the safer choice here."


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
    images = {"Crops, a tracklet each row": crop_sheet(crops.crops, crops.tracklet)}
    if calibration := calibrate_on_crops(encoder.embed_crops, crops):
        images["Distances between crops"] = histogram(
            calibration.same, calibration.different, EDGES, calibration.match_threshold
        )
    tables = {
        "Pseudo-labels": label_table(report["videos"]),
        "What the model can tell apart": held_out_table(report["held_out"]),
    }
    model = report.get("model", "appearance.onnx")
    lead = [report["verdict"], f"To track with it: idfree track VIDEO --detector DETECTOR --appearance {model}"]
    return render_page("Appearance model trained on these videos", tables, report["advice"], images, lead)


def label_table(label_reports: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Rows of the table of pseudo-labels, a row for each video."""
    rows = [["video", "tracklets", "boxes", "kept", "median length"]]
    for name, report in label_reports.items():
        kept = "" if report["kept"] is None else f"{100 * report['kept']:.0f} %"
        median_length = f"{report['length']['median']:.0f}"
        rows.append([name, str(report["tracklets"]), str(report["boxes"]), kept, median_length])
    return rows


def held_out_table(held_out: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the table of metrics on held-out tracklets, for the encoder and for the colour histogram."""
    rows = [["held-out tracklets", "TPR at FAR 0.1", "at 0.01", "equal error"]]
    for name in ("model", "colour"):
        metrics = held_out[name]
        keys = ("TPR@0.1", "TPR@0.01", "error")
        rows.append([name, *(f"{100 * metrics[key]:.2f} %" if key in metrics else "–" for key in keys)])
    return rows
