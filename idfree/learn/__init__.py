"""Training: data, networks, objectives, the training loop, export to ONNX. All but the catalogue needs PyTorch.

Reading order: `methods/fairmot.py` (a method: settings, network, objective, batches), `methods/one_shot.py` (a run of
any method), `fit.py` and `training.py` (the loop and one iteration); then `data/image_batches.py` and
`data/targets.py`, `networks/centre.py`, and `objectives/`, a file for each loss.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

from idfree.core.errors import MissingExtra

WITHOUT_TORCH = ("idfree.learn.methods", "idfree.learn.methods.catalogue")


class TorchGuard(MetaPathFinder):
    """Import hook: raises MissingExtra for every module of this package that cannot be imported without PyTorch."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raises MissingExtra for modules of `idfree.learn`; None, for other finders to search, of all others."""
        if fullname.startswith("idfree.learn.") and fullname not in WITHOUT_TORCH:
            raise MissingExtra("torch", "train", "training")


if find_spec("torch") is None:
    sys.meta_path.insert(0, TorchGuard())
