"""Synthetic sequences with exact ground truth: a rendered street with pedestrians who occlude each other."""
