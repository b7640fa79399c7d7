"""Select the boxes of the setting `classes` from a file with class names, and report the others."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from idfree.core.errors import UserError
from idfree.core.messages import warn_once
from idfree.datasets.footage import ALL, CHOOSE, FootageSettings


class ClassSelection:
    """Maps class names to class_id, the position in `settings.names`, and counts the boxes of other classes.

    With `classes=all`, every name is a class, in order of appearance. path: of the labels, for messages. aliases:
    idfree's names, by the format's names in lower case, of classes that the format names otherwise.
    """

    def __init__(self, settings: FootageSettings, path: Path, aliases: Mapping[str, str] | None = None) -> None:
        self.takes_all = settings.names == (ALL,)
        self.class_ids = {} if self.takes_all else {name: class_id for class_id, name in enumerate(settings.names)}
        self.path = path
        self.aliases = aliases or {}
        self.kept: set[str] = set()
        self.left_out: Counter[str] = Counter()

    def find(self, name: str) -> int | None:
        """The class_id of a box's class, None if the class is not selected."""
        name = self.aliases.get(name.strip().lower(), name.strip())
        if self.takes_all and name:
            self.class_ids.setdefault(name, len(self.class_ids))
        class_id = self.class_ids.get(name)
        if class_id is None:
            self.left_out[name] += 1
        else:
            self.kept.add(name)
        return class_id

    def report(self) -> None:
        """Warn of the boxes that were left out. Raises UserError if all were."""
        if not self.left_out:
            return
        names = ", ".join(name or "without a name" for name in sorted(self.left_out))
        if not self.kept and not self.takes_all:
            wanted = " or ".join(map(repr, self.class_ids))
            raise UserError(f"{self.path}: has no class {wanted}, there are: {names} (choose with {CHOOSE}…)")
        both = ",".join([*self.class_ids, *sorted(self.left_out)])
        count = sum(self.left_out.values())
        warn_once(f"%s: %d boxes of %s are left out: keep them with {CHOOSE}%s", self.path, count, names, both)
