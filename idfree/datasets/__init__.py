"""Data sets for training: labelled images and videos, and the readers and writers of their formats."""
