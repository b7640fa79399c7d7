"""Colour histograms, on people made of plain rectangles."""

import numpy as np
import pytest

from idfree.appearance import open_encoder
from idfree.appearance.colour import ColourHistogram, ColourSettings, bin_weights, centre_weights
from idfree.core.errors import UserError

RED, BLUE, BLACK, GREEN, SKY = (30, 30, 200), (200, 40, 30), (20, 20, 20), (40, 120, 40), (255, 120, 100)
BOX = np.array([[40.0, 20.0, 80.0, 120.0]])


def person(shirt, trousers=BLACK, background=GREEN, x=40, light=1.0):
    """A street with one person: a 24 px wide body in the middle of a 40 px wide box."""
    image = np.full((140, 200, 3), background, dtype=np.float64)
    image[20:120, x + 8 : x + 32] = trousers
    image[20:70, x + 8 : x + 32] = shirt
    return (image * light).clip(0, 255).astype(np.uint8)


def test_rows_have_unit_length_and_the_stated_dimension():
    encoder = ColourHistogram()
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    boxes = np.array([[0, 0, 50, 100], [20, 10, 30, 35], [-50, -50, -10, -10], [0, 0, 100, 3]], dtype=np.float64)
    embedding = encoder(image, boxes)
    assert embedding.dtype == np.float32
    assert embedding.shape == (4, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, atol=1e-5)
    assert encoder(image, np.zeros((0, 4))).shape == (0, encoder.dimension)


def test_the_same_shirt_is_nearer_than_another():
    encoder = ColourHistogram()
    here, there, other = (
        encoder(image, box)[0]
        for image, box in (
            (person(RED), BOX),
            (person(RED, x=100, light=0.9), BOX + [60, 0, 60, 0]),
            (person(BLUE), BOX),
        )
    )
    assert 1 - here @ there < encoder.match_threshold < 1 - here @ other
    np.testing.assert_allclose(here @ other, 0.75, atol=0.02)  # the trousers agree, and the shirts' brightness


def test_the_order_of_the_stripes_counts():
    encoder = ColourHistogram()
    one, other = person(RED, BLACK, background=BLACK), person(BLACK, RED, background=BLACK)
    striped, flat = (e(one, BOX)[0] @ e(other, BOX)[0] for e in (encoder, ColourHistogram(ColourSettings(stripes=1))))
    assert striped < 0.5
    assert flat > 0.99


def test_the_background_counts_less_than_its_pixels():
    even = ColourHistogram(ColourSettings(stripes=4, height=100, width=40, spread=100))  # the box as it is
    encoder = ColourHistogram()
    views = [person(RED, background=background) for background in (GREEN, SKY)]
    near, far = (e(views[0], BOX)[0] @ e(views[1], BOX)[0] for e in (encoder, even))
    np.testing.assert_allclose(far, 24 / 40, atol=0.01)
    assert near > 0.9


def test_crops_in_batches_are_crops_one_by_one():
    encoder = ColourHistogram()
    crops = np.random.default_rng(1).integers(0, 256, (2 * encoder.batch + 3, 64, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(encoder.embed_crops(crops)[::17], [encoder.embed_crops(c[None])[0] for c in crops[::17]])
    doubled = crops[:2].repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(encoder.embed_crops(doubled), encoder.embed_crops(crops[:2]), atol=1e-6)


def test_two_uniform_crops_worked_by_hand():
    encoder = ColourHistogram(ColourSettings(stripes=1, hues=4, saturations=1, values=2, height=4, width=4))
    grey = np.zeros((1, 4, 4, 3), dtype=np.uint8)
    white = np.full((1, 4, 4, 3), 255, dtype=np.uint8)
    middle = np.full((1, 4, 4, 3), 127, dtype=np.uint8)
    black_row, white_row, middle_row = (encoder.embed_crops(c)[0] for c in (grey, white, middle))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(black_row[4:], [half, 0], atol=1e-6)
    np.testing.assert_allclose(white_row[4:], [0, half], atol=1e-6)
    np.testing.assert_allclose(middle_row[4:], [0.5, 0.5], atol=2e-3)  # on the border of the two bins
    np.testing.assert_allclose(black_row @ white_row, 0.5, atol=1e-6)  # no hue in either, all else differs


@pytest.mark.parametrize(("bins", "circular"), [(1, False), (4, False), (12, False), (1, True), (8, True)])
def test_bin_weights_sum_to_one(bins, circular):
    table = bin_weights(bins, circular)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=1e-6)
    assert (table > 0).sum(axis=1).max() <= 2
    assert abs(table.sum(axis=0) - 256 / bins).max() < 0.01
    if circular and bins > 1:
        np.testing.assert_allclose(
            table[0, [0, -1]], 0.5, atol=0.02
        )  # red lies on the border of the last and the first


def test_centre_weights_are_symmetric():
    weight = centre_weights(10, 0.2)
    np.testing.assert_allclose(weight, weight[::-1], rtol=1e-6)
    np.testing.assert_allclose(weight.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(weight[0] / weight[4], np.exp(-(0.45**2 - 0.05**2) / 2 / 0.2**2), rtol=1e-5)


def test_settings_by_name_and_their_errors():
    encoder = open_encoder("colour", ["stripes=4", "limit=0.3"])
    assert encoder.name == "colour"
    assert encoder.match_threshold == 0.3
    assert encoder.dimension == 4 * (8 * 4 + 12)
    with pytest.raises(UserError, match="height=64 must be a multiple of stripes=7"):
        open_encoder("colour", ["stripes=7"])
    with pytest.raises(UserError, match="must be positive"):
        open_encoder("colour", ["spread=0"])
    with pytest.raises(UserError, match="ColourSettings has no setting 'bins'"):
        open_encoder("colour", ["bins=7"])
    with pytest.raises(UserError, match=r"--appearance color: expected colour, people or a file MODEL\.onnx"):
        open_encoder("color")
