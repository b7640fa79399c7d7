"""How good tracks, detections and embeddings are, as counts that add over sequences."""
