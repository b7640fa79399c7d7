"""The published tables of the five papers as commands: `idfree-experiments list`, `idfree-experiments run TABLE`."""
