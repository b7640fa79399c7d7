"""Data sets of labelled pictures and videos to train on, and the formats that they come in."""
