"""Whole-video tracks: fill gaps, smooth boxes, link and split tracks once the whole video has been tracked."""
