"""What every other part of the package may import: types, geometry, settings, files, errors, progress, workers."""
