"""Occlusion regions: by hand, and the geometry of the authors' code."""

import json

import numpy as np

from idfree.core.occlusions import occlusion_regions


def test_a_region_covers_more_than_the_share_of_the_smaller_box():
    boxes = np.array([[0.0, 0, 10, 20], [2, 0, 12, 20], [100, 0, 110, 20]])
    np.testing.assert_array_equal(occlusion_regions(boxes, 0.79), [[2, 0, 10, 20]])
    assert len(occlusion_regions(boxes, 0.8)) == 0  # exactly 0.8 is not more
    assert occlusion_regions(np.zeros((0, 4))).shape == (0, 4)


def test_the_authors_scenes(shared):
    for scene in json.loads((shared / "golden" / "occlusion_geometry.json").read_text())["scenes"]:
        found = occlusion_regions(np.array(scene["boxes_xyxy"]), scene["tau"])
        expected = np.array(scene["overlaps_xyxy"]).reshape(-1, 4)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)], atol=1e-6)
