"""Detectors and appearance encoders opened by name, and the detections of sequences, in reading order.

`open_detector`, `callable_detector` (a function of the user), `open_appearance`; `detect_sequence` (computed and
stored), `stored_detections` (read), `report`.
"""
