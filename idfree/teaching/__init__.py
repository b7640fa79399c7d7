"""Embedding heads for detectors: learnt on the detector's feature maps, and the graph that holds both."""
