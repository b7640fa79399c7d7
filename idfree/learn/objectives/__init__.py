"""Objectives: modules that map a network's output and the batch to a dict of named losses; listed in `registry`."""
