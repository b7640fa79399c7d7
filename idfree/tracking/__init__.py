"""View → Tracks; knows arrays only."""
