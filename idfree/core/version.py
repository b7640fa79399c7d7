"""Version of the package; written into every result file and model file."""

__version__ = "0.1.0"
