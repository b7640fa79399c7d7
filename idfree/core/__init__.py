"""Shared foundations, importable by every other package: types, boxes, settings, files, errors, progress, workers."""
