"""A finished run that is fine-tuned: its settings, classes and training data. Needs PyTorch."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idfree.datasets.footage import PEOPLE, FootageSettings
from idfree.learn.methods.fine_tuning import S, fine_tuning_settings, read_run
from idfree.pipelines.training.training_data import TERMS, trained_on_notice


@dataclass(frozen=True)
class BaseRun:
    """The run of a best.pt or last.pt. method: that is trained from it, perhaps another. config: the run's settings."""

    path: Path
    method: str
    config: dict[str, Any]

    @classmethod
    def open(cls, path: Path, method: str) -> "BaseRun":
        """Raises UserError if the method cannot be trained from this network."""
        return cls(path, method, read_run(path, method))

    def footage_settings(self) -> FootageSettings:
        """The defaults, with the classes of the run."""
        return FootageSettings(classes=",".join(self.config.get("classes", PEOPLE)))

    def settings(self, defaults: S) -> S:
        """Settings of the fine-tuning (see `fine_tuning_settings`)."""
        return fine_tuning_settings(defaults, self.method, self.config, self.path)

    def trained_on_notice(self, names: Iterable[str]) -> str:
        """Notice about all training data: that of the run, and then these."""
        before = str(self.config.get("trained_on", "")).removesuffix(TERMS)
        return trained_on_notice(names, f"{before}, then " if before else "")
