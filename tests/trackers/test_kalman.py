"""The elementwise Kalman filter compared with the official one, and with the textbook's matrices."""

import json
from pathlib import Path

import numpy as np

from idfree.trackers import kalman
from idfree.trackers.kalman import POSITION, PP, PV, VELOCITY, VV
from idfree.trackers.motion import AreaMotion, HeightMotion


def test_official_sequences():
    golden = json.loads((Path(__file__).parents[1] / "golden" / "kalman.json").read_text())
    assert golden["chi2_95"]["4"] == kalman.CHI2_95
    motion, steps = HeightMotion(), 0
    for sequence in golden["sequences"]:
        for step in sequence:
            if step["op"] == "initiate":
                state = motion.initialise(np.array([step["measurement"]]))
            elif step["op"] == "predict":
                state = motion.predict(state)
            elif step["op"] == "update":
                state = motion.update(state, np.array([step["measurement"]]))
                np.testing.assert_allclose(state[0, PV, 0], step["cov_0_4"], rtol=1e-9)
            else:
                measurements = np.array(step["measurements"])
                states = np.repeat(state, len(measurements), axis=0)
                distance = kalman.mahalanobis(states, measurements, motion.measurement_noise(states))
                np.testing.assert_allclose(distance, step["maha"], rtol=1e-9)
                continue
            np.testing.assert_allclose(state[0, [POSITION, VELOCITY]].ravel(), step["mean"], rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(state[0, [PP, VV]].ravel(), step["cov_diag"], rtol=1e-9)
            steps += 1
    assert steps > 10


def test_equals_the_textbook_filter():
    """One coordinate, as 2×2 matrices: P ← FPFᵀ + Q, then the gain, the update, and P ← (I − KH)P."""
    state = kalman.initialise(np.array([[5.0, 0, 0, 0]]), 4.0, 9.0)
    mean, covariance = np.array([5.0, 0]), np.diag([4.0, 9.0])
    transition, observation = np.array([[1.0, 1], [0, 1]]), np.array([[1.0, 0]])
    for measurement in (6.0, 7.5, 7.0):
        state = kalman.predict(state, 0.5, 0.25)
        mean, covariance = transition @ mean, transition @ covariance @ transition.T + np.diag([0.5, 0.25])
        state = kalman.update(state, np.array([[measurement, 0, 0, 0]]), 2.0)
        gain = covariance @ observation.T / (observation @ covariance @ observation.T + 2.0)
        mean = mean + (gain * (measurement - observation @ mean)).ravel()
        covariance = covariance - gain @ observation @ covariance
        np.testing.assert_allclose(state[0, [POSITION, VELOCITY], 0], mean)
        np.testing.assert_allclose(state[0, [PP, PV, VV], 0], covariance[[0, 0, 1], [0, 1, 1]])


def test_boxes_and_measurements_are_inverse():
    boxes = np.array([[10.0, 20, 50, 140], [0, 0, 7, 3]])
    for motion in (AreaMotion(), HeightMotion()):
        np.testing.assert_allclose(motion.to_boxes(motion.initialise(motion.to_measurement(boxes))), boxes)


def test_vanishing_area_stops_shrinking():
    motion = AreaMotion()
    state = motion.initialise(motion.to_measurement(np.array([[0.0, 0, 10, 10]])))
    state[0, VELOCITY, 2] = -200
    assert motion.predict(state)[0, POSITION, 2] == 100
    assert state[0, VELOCITY, 2] == -200


def test_gate_returns_all_pairs_within_the_threshold():
    rng = np.random.default_rng(0)
    motion = HeightMotion()
    boxes = rng.uniform(0, 400, (40, 2))
    state = motion.predict(
        motion.initialise(motion.to_measurement(np.hstack([boxes, boxes + rng.uniform(20, 80, (40, 2))])))
    )
    measurement = motion.to_measurement(np.hstack([boxes + 5, boxes + rng.uniform(20, 90, (40, 2))]))
    i, j, distance = motion.gate(state, measurement)
    all_i, all_j = (index.ravel() for index in np.indices((40, 40)))
    distances = kalman.mahalanobis(state[all_i], measurement[all_j], motion.measurement_noise(state)[all_i])
    inside = distances <= kalman.CHI2_95
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == set(
        zip(all_i[inside].tolist(), all_j[inside].tolist(), strict=True)
    )
    np.testing.assert_allclose(np.sort(distance), np.sort(distances[inside]))
