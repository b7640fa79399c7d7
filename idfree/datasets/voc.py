"""PASCAL VOC (Everingham 2010): an xml for each picture, corners in pixels counted from 1.

`<trackid>`, which ImageNet VID added to the format, names identities.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from idfree.core.errors import UserError
from idfree.core.files import whole
from idfree.core.types import Floats
from idfree.datasets.footage import Footage, FootageSettings
from idfree.datasets.labels import LabelRows, OnFault, raise_fault
from idfree.datasets.layout import lay_out, picture_names
from idfree.datasets.still_images import from_pixels
from idfree.sequences.folders import contents, files
from idfree.sequences.images import IMAGE_SUFFIXES
from idfree.sequences.pictures import nth_image
from idfree.sequences.rows import LARGEST, NUMBER

ANNOTATIONS, IMAGES = "Annotations", "JPEGImages"
SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(
    folder: Path, settings: FootageSettings | None = None, images: Path | None = None, complain: OnFault = raise_fault
) -> Footage:
    """Still images of a folder of `.xml`, or of one with Annotations/ and JPEGImages/.

    Objects of the classes wanted count, difficult ones are regions to ignore. Raises UserError with the file.
    """
    wanted = {name: class_id for class_id, name in enumerate((settings or FootageSettings()).names)}
    home = folder / ANNOTATIONS if (folder / ANNOTATIONS).is_dir() else folder
    texts = files(home, (".xml",))
    if not texts:
        raise UserError(f"{home}: no .xml in it; found {contents(home)}")
    homes = [place for place in (images, home.parent / IMAGES, home, home.parent / "images", home.parent) if place]
    known = {path.name: path for place in reversed(homes) if place.is_dir() for path in files(place, IMAGE_SUFFIXES)}
    by_stem = {path.stem: path for path in known.values()}
    labels, paths = LabelRows(), []
    for text in texts:
        root = parse(text, complain)
        if root is not None:
            name = root.findtext("filename", "")
            paths.append(by_stem.get(text.stem) or known.get(name) or homes[0] / (name or f"{text.stem}.jpg"))
            for one in root.iter("object"):
                add(labels, len(paths), one, wanted, str(text), complain)
    return Footage(
        name=folder.resolve().name,
        boxes=labels.annotation(),
        length=len(paths),
        image=partial(nth_image, tuple(paths)),
        moving=False,
        paths=tuple(paths),
        source=folder,
        classes=tuple(wanted),
    )


def parse(path: Path, complain: OnFault) -> Element | None:
    """The root of an xml, None where it is none."""
    try:
        return ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, OSError) as error:
        complain(f"{path}: is not XML: {error}")
        return None


def add(labels: LabelRows, frame: int, one: Element, wanted: dict[str, int], path: str, complain: OnFault) -> None:
    """One object of a picture, if it is of a class wanted."""
    name = one.findtext("name", "").strip()
    if name not in wanted:
        return
    said = [one.findtext(f"bndbox/{side}", "").strip() for side in SIDES]
    if not all(NUMBER.fullmatch(side) and abs(float(side)) <= LARGEST for side in said):
        return complain(f"{path}: the box of a {name} is {', '.join(said)}; expected {', '.join(SIDES)} in pixels")
    track = one.findtext("trackid", "-1").strip()
    ignored = one.findtext("difficult", "0").strip() == "1"
    box = from_pixels(tuple(float(side) for side in said))
    labels.add(
        frame,
        box,
        int(track) if track.isdecimal() and int(track) <= LARGEST else -1,
        0.0 if ignored else 1.0,
        wanted[name],
    )


def write_voc(footage: Footage, folder: Path) -> Path:
    """FOLDER/NAME/Annotations/ and JPEGImages/; that it is a video, and visibility, are lost."""
    home, names = folder / footage.name, picture_names(footage)
    lay_out(footage, [home / IMAGES / name for name in names])
    for number, name in enumerate(names, start=1):
        root = ElementTree.Element("annotation")
        text(root, folder=IMAGES, filename=name)
        height, width = footage.size_at(number)
        text(SubElement(root, "size"), width=width, height=height, depth=3)
        for one in objects(footage, number):
            root.append(one)
        ElementTree.indent(root)
        with whole((home / ANNOTATIONS / name).with_suffix(".xml")) as partial_path:
            ElementTree.ElementTree(root).write(partial_path, encoding="utf-8")
    return home


def objects(footage: Footage, number: int) -> Iterator[Element]:
    """The boxes of a picture."""
    boxes = footage.boxes[footage.boxes.rows_at(number)]
    rows = zip(boxes.xyxy, boxes.id.tolist(), boxes.class_id.tolist(), boxes.score.tolist(), strict=True)
    for xyxy, id, class_id, score in rows:
        one = Element("object")
        text(one, name=footage.classes[class_id if class_id < len(footage.classes) else 0], difficult=int(score == 0))
        if id >= 0:
            text(one, trackid=id)
        text(SubElement(one, "bndbox"), **dict(zip(SIDES, pixels(xyxy), strict=True)))
        yield one


def pixels(xyxy: Floats) -> list[str]:
    """The edges of a box as its first and last pixel, counted from 1, to 2 decimals."""
    left, top, right, bottom = xyxy.tolist()
    return [f"{round(side, 2):.10g}" for side in (left + 1, top + 1, right, bottom)]


def text(parent: Element, **said: object) -> None:
    """Elements that hold a text each."""
    for name, value in said.items():
        SubElement(parent, name).text = str(value)
