"""Evaluation of tracks, detections and embeddings, by counts that add over sequences."""
