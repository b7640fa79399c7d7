"""Views of the second half of a video and the occlusions predicted in it, computed once, for several trackers."""

import pickle
from dataclasses import dataclass, replace

import torch
from footage import video_path
from occlusion_network import STRIDE, PeopleMaps, outputs_by_share
from occlusion_training import trained_heads

from idfree.core.files import atomic_write
from idfree.core.progress import progress
from idfree.core.types import View
from idfree.detectors.one_shot import occlusions_in_image
from idfree.learn.networks.decode import decode_occlusions
from idfree.sequences import open_source


@dataclass(frozen=True)
class StoredFrame:
    """A frame: its view without image and occlusions, and predicted occlusion centres (K, 3) by τ."""

    view: View
    occlusions: dict


def second_half_frames(data, out, name):
    """The frames of the second half of a video, from OUT/NAME.pickle, which is made unless it exists."""
    path = out / f"{name}.pickle"
    if not path.exists():
        heads, network = trained_heads(data, out), PeopleMaps()
        (sequence,) = open_source(video_path(data, name))
        frames = progress(sequence, name, sequence.length, False)
        first = sequence.length // 2 + 1
        stored = [compute(network, heads, frame) for frame in frames if frame.number > first]
        with atomic_write(path) as partial:
            partial.write_bytes(pickle.dumps(stored))
    return pickle.loads(path.read_bytes())


def compute(network, heads, frame):
    """Detections and predicted occlusions of a frame."""
    view = network.detector(frame)
    maps, geometry = network.maps(frame.image)
    with torch.inference_mode():
        output = outputs_by_share(heads([torch.from_numpy(each[None]).float() for each in maps]))
        decoded = {share: decode_occlusions(each, STRIDE)[0].numpy() for share, each in output.items()}
    occlusions = {share: occlusions_in_image(each, geometry) for share, each in decoded.items()}
    return StoredFrame(replace(view, frame=None, embedder=None, refiner=None), occlusions)
