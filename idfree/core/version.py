"""The version of this package, written into every result and model file."""

__version__ = "0.1.0"
