"""Offline refinement of tracks, by arrays: link tracklets, drop weak tracks, fill gaps, smooth boxes."""
