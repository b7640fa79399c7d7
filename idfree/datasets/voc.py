"""PASCAL VOC (Everingham 2010): one XML file per image, corners in 1-based inclusive pixels.

Identities are in `<trackid>`, which ImageNet VID added to the format.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from idfree.core.arrays import MAX_EXACT_INTEGER
from idfree.core.errors import UserError
from idfree.core.files import atomic_write
from idfree.core.names import is_path
from idfree.core.reading import read_xml
from idfree.core.types import Floats
from idfree.datasets.boxes_json import from_inclusive_pixels
from idfree.datasets.export_images import export_images, image_names, warn_of_others
from idfree.datasets.footage import CHOOSE, Footage, FootageSettings, label_still_images
from idfree.datasets.labels import LabelRows, OnFault
from idfree.sequences.folders import describe_contents, list_files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.rows import MAX_VALUE, NUMBER

ANNOTATION_FOLDER, IMAGE_FOLDER = "Annotations", "JPEGImages"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def is_voc(path: Path) -> bool:
    """Whether a path is a folder with .xml files or with Annotations/."""
    return path.is_dir() and (bool(list_files(path, (".xml",))) or (path / ANNOTATION_FOLDER).is_dir())


def read_voc(folder: Path, images: Path | None, settings: FootageSettings, on_fault: OnFault) -> list[Footage]:
    """Still images of a folder of .xml files, or of one with Annotations/ and JPEGImages/.

    Objects of other classes than settings.names are skipped, difficult ones are ignore regions. Raises UserError with
    the file if it is invalid, and if there are objects, but none of these classes.
    """
    class_ids = {name: class_id for class_id, name in enumerate(settings.names)}
    annotations = folder / ANNOTATION_FOLDER if (folder / ANNOTATION_FOLDER).is_dir() else folder
    files = list_files(annotations, (".xml",))
    if not files:
        raise UserError(f"{annotations}: no .xml in it; found {describe_contents(annotations)}")
    labels, names, stems = LabelRows(), [], []
    classes: set[str] = set()
    for file in files:
        root = parse_xml(file, on_fault)
        if root is not None:
            stems.append(file.stem)
            name = root.findtext("filename", "")
            names.append(name if is_path(name) else "")
            for element in root.iter("object"):
                classes.add(element.findtext("name", "").strip())
                add_object(labels, len(names), element, class_ids, str(file), on_fault)
    if classes and not classes & class_ids.keys():
        wanted, there = " or ".join(map(repr, class_ids)), ", ".join(sorted(classes))
        raise UserError(f"{annotations}: has no class {wanted}, there are: {there} (choose with {CHOOSE}…)")
    paths = find_images(annotations, images, stems, names)
    return [label_still_images(folder.resolve().name, labels.annotation(), paths, folder, tuple(class_ids))]


def find_images(annotations: Path, images: Path | None, stems: list[str], names: list[str]) -> tuple[Path, ...]:
    """The image of each annotation, by the stem of its XML file, else by its <filename> (which may be outdated).

    annotations: folder of the XML files. A missing image gets the path where it is expected.
    """
    parent = annotations.parent
    folders = [folder for folder in (images, parent / IMAGE_FOLDER, annotations, parent / "images", parent) if folder]
    existing = [folder for folder in reversed(folders) if folder.is_dir()]
    by_name = {path.name: path for folder in existing for path in list_files(folder, IMAGE_SUFFIXES)}
    by_stem = {path.stem: path for path in by_name.values()}
    return tuple(
        by_stem.get(stem) or by_name.get(name) or folders[0] / (name or f"{stem}.jpg")
        for stem, name in zip(stems, names, strict=True)
    )


def parse_xml(path: Path, on_fault: OnFault) -> Element | None:
    """The root of an XML file, None if it is invalid."""
    try:
        return read_xml(path)
    except UserError as error:
        on_fault(str(error))
        return None


def add_object(
    labels: LabelRows, frame: int, element: Element, class_ids: dict[str, int], path: str, on_fault: OnFault
) -> None:
    """Add the box of one <object> if its class is in `class_ids`."""
    name = element.findtext("name", "").strip()
    if name not in class_ids:
        return
    corners = [element.findtext(f"bndbox/{corner}", "").strip() for corner in CORNERS]
    if not all(NUMBER.fullmatch(value) and abs(float(value)) <= MAX_VALUE for value in corners):
        return on_fault(f"{path}: the box of a {name} is {', '.join(corners)}; expected {', '.join(CORNERS)} in pixels")
    track = element.findtext("trackid", "-1").strip()
    difficult = element.findtext("difficult", "0").strip() == "1"
    labels.add(
        frame,
        from_inclusive_pixels(tuple(float(value) for value in corners)),
        int(track) if track.isdecimal() and int(track) <= MAX_EXACT_INTEGER else -1,
        0.0 if difficult else 1.0,
        class_ids[name],
    )


def write_voc(footage: Footage, folder: Path) -> Path:
    """Write FOLDER/NAME/Annotations/ and JPEGImages/, without visibility and frame order. Returns FOLDER/NAME."""
    target, names = folder / footage.name, image_names(footage)
    export_images(footage, [target / IMAGE_FOLDER / name for name in names])
    labels = [(target / ANNOTATION_FOLDER / name).with_suffix(".xml") for name in names]
    for number, (name, file) in enumerate(zip(names, labels, strict=True), start=1):
        root = ElementTree.Element("annotation")
        add_texts(root, folder=IMAGE_FOLDER, filename=name)
        height, width = footage.size_at(number)
        add_texts(SubElement(root, "size"), width=width, height=height, depth=3)
        root.extend(object_elements(footage, number))
        ElementTree.indent(root)
        with atomic_write(file) as partial_path:
            ElementTree.ElementTree(root).write(partial_path, encoding="utf-8")
    warn_of_others(labels)
    return target


def object_elements(footage: Footage, number: int) -> Iterator[Element]:
    """An <object> for each box of image `number`."""
    boxes = footage.boxes[footage.boxes.rows_at(number)]
    rows = zip(boxes.xyxy, boxes.id.tolist(), boxes.class_id.tolist(), boxes.score.tolist(), strict=True)
    for xyxy, id, class_id, score in rows:
        element = Element("object")
        name = footage.classes[class_id if class_id < len(footage.classes) else 0]
        add_texts(element, name=name, difficult=int(score == 0))
        if id >= 0:
            add_texts(element, trackid=id)
        add_texts(SubElement(element, "bndbox"), **dict(zip(CORNERS, to_inclusive_pixels(xyxy), strict=True)))
        yield element


def to_inclusive_pixels(xyxy: Floats) -> list[str]:
    """xyxy (4,) → 1-based inclusive corners, to 2 decimals."""
    left, top, right, bottom = xyxy.tolist()
    return [f"{round(value, 2):.10g}" for value in (left + 1, top + 1, right, bottom)]


def add_texts(parent: Element, **texts: object) -> None:
    """Append an element with a text for each name."""
    for name, value in texts.items():
        SubElement(parent, name).text = str(value)
