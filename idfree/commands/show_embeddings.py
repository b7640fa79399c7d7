"""What `idfree show embeddings` does: pictures and figures of embeddings beside the truth, for looking only."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idfree.commands.eval_appearance import judge, looked_at
from idfree.core.errors import UserError

if TYPE_CHECKING:
    from idfree.core.types import Annotation, Image

TOLD = ("R1", "mAP", "TPR@0.1", "crops", "people")  # of the measures of eval-appearance


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Draw and print, sequence by sequence; gives the figures and the pictures' paths."""
    if options.points < 1 or options.gap < 1:
        raise UserError(f"--points {options.points} --gap {options.gap}: expected 1 or more")
    options.model, options.data = Path(options.source), options.truth
    out = options.out or Path("runs") / "show" / "embeddings"
    said = {name: one(name, boxes, out, options) for name, boxes in looked_at(options).items()}
    if not options.json:
        print("\n".join(line for name, figures in said.items() for line in told(name, figures)))
    return said


def one(name: str, boxes: "Annotation", out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The pictures of a sequence, written, and its figures. Raises UserError where nobody's identity is known."""
    from idfree.show import embeddings

    known = boxes[boxes.id >= 0]
    if not len(known):
        raise UserError(f"{name}: none of {len(boxes)} boxes is somebody of whom the truth tells")
    some = embeddings.evenly(known, options.points)
    same, other = embeddings.similarities(some)
    figures: dict[str, Any] = {measure: value for measure, value in judge([known]).items() if measure in TOLD}
    figures |= {f"similarity_{kind}": mean_of(each) for kind, each in (("same", same), ("other", other))}
    pictures = {"tsne": embeddings.scatter(some, f"{name}: {len(some)} boxes of {len(set(some.id.tolist()))} people")}
    pictures["distances"] = embeddings.distances(same, other, f"{name}: cosine distances")
    if frames := embeddings.frames_to_match(known, options.gap):
        found = embeddings.matched(known, frames)
        figures |= {"frames": list(frames), **found.figures}
        pictures["matrix"] = embeddings.matrix(found, f"{name}: frames {frames[0]} and {frames[1]}")
    paths = {kind: save(picture, out / f"{name}-{kind}.png") for kind, picture in pictures.items()}
    return {**figures, "pictures": paths}


def mean_of(values: Any) -> float | None:
    """Their mean; None of none."""
    return float(values.mean()) if len(values) else None


def save(picture: "Image", path: Path) -> str:
    """Write a picture, whole or not at all; gives its path."""
    import cv2

    from idfree.core.files import whole

    with whole(path) as partial:
        cv2.imwrite(str(partial), picture)
    return str(path)


def told(name: str, figures: dict[str, Any]) -> list[str]:
    """The same for a person."""
    numbers = {key: value for key, value in figures.items() if isinstance(value, float | int)}
    listed = "  ".join(
        f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in numbers.items()
    )
    return [f"{name}: {listed}", *(f"  {path}" for path in figures["pictures"].values())]
