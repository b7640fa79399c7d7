"""The discriminant of pairs: planted directions are found, and nuisance within objects is ignored."""

import numpy as np
import pytest

from idfree.core.errors import UserError
from idfree.teaching.discriminant import DiscriminantSettings, learn_discriminant
from idfree.teaching.distillation import learn_distilled

OBJECTS, BOXES, FEATURES = 12, 30, 20


@pytest.fixture
def planted():
    """Features in which numbers 0–2 tell objects apart, and numbers 3–5 vary ten times as much within each of them."""
    random = np.random.default_rng(0)
    identity = np.repeat(np.arange(OBJECTS), BOXES)
    features = random.normal(0, 0.3, (len(identity), FEATURES))
    features[:, :3] += random.normal(0, 1, (OBJECTS, 3))[identity]
    features[:, 3:6] += random.normal(0, 10, (len(identity), 3))
    i, j = np.triu_indices(len(identity), 1)
    return features.astype(np.float32), identity, i, j, identity[i] == identity[j]


def separation(embedding, i, j, is_same):
    """Mean cosine of pairs of one object − that of two."""
    cosine = (embedding[i] * embedding[j]).sum(axis=1)
    return cosine[is_same].mean() - cosine[~is_same].mean()


def test_what_tells_objects_apart_is_found(planted):
    features, _, i, j, is_same = planted
    head = learn_discriminant(features, i, j, is_same, DiscriminantSettings(dimension=3))
    embedding = head(features)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-5)
    plain = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert separation(embedding, i, j, is_same) > 0.6
    assert separation(plain, i, j, is_same) < 0.1
    power = np.abs(head.weight) * features.std(axis=0)[:, None]
    assert power[:3].sum() > 5 * power[3:6].sum()


def test_each_number_has_unit_scatter_within_objects(planted):
    features, _, i, j, is_same = planted
    settings = DiscriminantSettings(dimension=4, shrinkage=1e-6, max_pairs=10**6)
    projected = (features - features.mean(axis=0)) @ learn_discriminant(features, i, j, is_same, settings).weight
    difference = (projected[i] - projected[j])[is_same]
    np.testing.assert_allclose(difference.T @ difference / len(difference), np.eye(4), atol=1e-2)


def test_the_same_pairs_and_seed_give_the_same_head(planted):
    features, _, i, j, is_same = planted
    settings = DiscriminantSettings(max_pairs=500)
    first, again = (learn_discriminant(features, i, j, is_same, settings, seed=1) for _ in range(2))
    assert np.array_equal(first.weight, again.weight)


def test_constant_features_do_no_harm(planted):
    features, _, i, j, is_same = planted
    features[:, 7:] = 3.0
    head = learn_discriminant(features, i, j, is_same)
    assert np.isfinite(head.weight).all()
    assert np.isfinite(head(features)).all()


def test_pairs_of_one_kind_teach_nothing(planted):
    features, _, i, j, _ = planted
    with pytest.raises(UserError, match="435 pairs of one object and 0 of two"):
        learn_discriminant(features, i[:435], j[:435], np.ones(435, bool))


def test_settings_are_checked():
    with pytest.raises(ValueError, match="shrinkage=0 must be above 0"):
        DiscriminantSettings(shrinkage=0)
    with pytest.raises(ValueError, match="must be 1 or more"):
        DiscriminantSettings(dimension=0)


def test_a_linear_teacher_is_imitated(planted):
    """Its cosine distances are those of the head that learnt from it, up to the mean that is taken off."""
    features, *_ = planted
    random = np.random.default_rng(1)
    teacher = features @ random.normal(size=(FEATURES, 16)) / 30
    teacher -= teacher.mean(axis=0)
    teacher /= np.linalg.norm(teacher, axis=1, keepdims=True)
    embedding = learn_distilled(features, teacher, dimension=FEATURES)(features)
    i, j = np.triu_indices(len(features), 1)
    assert np.corrcoef((embedding[i] * embedding[j]).sum(1), (teacher[i] * teacher[j]).sum(1))[0, 1] > 0.95
    assert learn_distilled(features, teacher, dimension=5).weight.shape == (FEATURES, 5)
    with pytest.raises(UserError, match="nothing to learn from: 1 box "):
        learn_distilled(features[:1], teacher[:1], 4)
