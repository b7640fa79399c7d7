"""Multi-object trackers that learn who is who without identity labels."""

__version__ = "0.1.0"
