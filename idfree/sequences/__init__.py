"""Sequences: frames from videos, image folders and cameras; annotations and detections from files."""

from idfree.sequences.sources import open_source as open_source
