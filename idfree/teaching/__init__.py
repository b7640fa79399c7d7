"""Embedding heads for detectors: learnt on the detector's feature maps, and written into its ONNX or OpenVINO graph."""
