"""Write CVAT's XML 1.1 for video: every box is a keyframe, and every gap begins with a box of outside="1"."""

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from idfree.core.files import atomic_write
from idfree.core.types import Annotation
from idfree.datasets.cvat import CORNERS, IGNORED, SCORE, VISIBILITY
from idfree.datasets.footage import Footage
from idfree.datasets.keyframes import ends_run, numbered_tracks
from idfree.datasets.voc import add_texts

OCCLUDED_BELOW = 0.5  # visibility under which CVAT's box is marked occluded
INPUTS = {SCORE: "text", VISIBILITY: "text", IGNORED: "checkbox"}  # CVAT's kinds of attributes


def write_cvat(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME.xml; boxes of unknown identity become tracks of one box. Returns its path."""
    root = Element("annotations")
    add_texts(root, version="1.1")
    root.append(describe_task(footage))
    root.extend(track_element(footage, identity, rows) for identity, rows in numbered_tracks(footage.boxes))
    ElementTree.indent(root)
    path = folder / f"{footage.name}.xml"
    with atomic_write(path) as partial:
        ElementTree.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)
    return path


def describe_task(footage: Footage) -> Element:
    """The <meta> of a task with a video of this size and these labels."""
    meta = Element("meta")
    task = SubElement(meta, "task")
    last = footage.length - 1
    add_texts(task, name=footage.name, size=footage.length, mode="interpolation", start_frame=0, stop_frame=last)
    labels = SubElement(task, "labels")
    for name in footage.classes:
        label = SubElement(labels, "label")
        add_texts(label, name=name, type="rectangle")
        attributes = SubElement(label, "attributes")
        for attribute, kind in INPUTS.items():
            values = {"input_type": kind, "default_value": "false" if kind == "checkbox" else "1", "values": ""}
            add_texts(SubElement(attributes, "attribute"), name=attribute, mutable="True", **values)
    if footage.size_hw:
        height, width = footage.size_hw
        add_texts(SubElement(task, "original_size"), width=width, height=height)
    return meta


def track_element(footage: Footage, identity: int, rows: Annotation) -> Element:
    """The <track> of one identity."""
    label = footage.class_name(int(rows.class_id[0]))
    track = Element("track", id=str(identity), label=label, source="auto" if footage.scored else "manual")
    ends = ends_run(rows.frame)
    for row, frame in enumerate(rows.frame.tolist()):
        track.append(box_element(footage, rows, row, frame - 1))
        if ends[row] and frame < footage.length:
            track.append(box_element(footage, rows, row, frame, outside=True))
    return track


def box_element(footage: Footage, rows: Annotation, row: int, frame: int, outside: bool = False) -> Element:
    """A <box> of row `row` in `frame` (from 0)."""
    corners = {name: f"{value:.2f}" for name, value in zip(CORNERS, rows.xyxy[row].tolist(), strict=True)}
    visibility, score = float(rows.visibility[row]), float(rows.score[row])
    state = {"outside": str(int(outside)), "occluded": str(int(visibility < OCCLUDED_BELOW)), "keyframe": "1"}
    box = Element("box", {"frame": str(frame), **state, **corners, "z_order": "0"})
    texts = {SCORE: f"{score:.6g}"} if footage.scored else {IGNORED: "true" if score == 0 else "false"}
    for name, text in ({VISIBILITY: f"{visibility:.6g}"} | texts).items():
        SubElement(box, "attribute", name=name).text = text
    return box
