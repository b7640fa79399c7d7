"""print the versions of idfree and of the libraries that it uses

example: idfree version --json
"""

import argparse
import platform
from importlib import metadata

from idfree.core.version import __version__

LIBRARIES = ("numpy", "scipy", "onnxruntime", "av", "opencv-python-headless", "torch", "openvino")


def add(parser: argparse.ArgumentParser) -> None:
    """This command has no options of its own."""


def run(options: argparse.Namespace) -> dict[str, str]:
    """Print and return the versions."""
    versions = {"idfree": __version__, "python": platform.python_version(), **installed()}
    if not options.json:
        print("\n".join(f"{name} {version}" for name, version in versions.items()))
    return versions


def installed() -> dict[str, str]:
    """Installed libraries and their versions."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
