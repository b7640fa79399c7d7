"""Steps of `idfree tune`, in reading order: `sequence` (tracked and scored per trial), `settings_search`."""
