"""What several tests of trackers share."""

from dataclasses import replace
from functools import partial

import pytest

from idfree.core.types import Detections, View
from idfree.detectors.candidates import Candidates
from idfree.detectors.refinement import refine_by_candidates
from idfree.trackers.tracktor import Tracktor


@pytest.fixture
def detections_refine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracktor is given a refiner whose candidates are the detections of the frame."""
    update = Tracktor.update

    def update_with_refiner(tracker, evidence):
        view = evidence if isinstance(evidence, View) else View(Detections.convert(evidence))
        found = view.detections[view.detections.valid_mask()]
        refiner = partial(refine_by_candidates, candidates=Candidates(found.xyxy, found.score, found.class_id))
        return update(tracker, replace(view, refiner=refiner))

    monkeypatch.setattr(Tracktor, "update", update_with_refiner)
