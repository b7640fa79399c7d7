"""Crossings of lines, people in zones and how long they stay, lengths and speeds of paths: arrays only."""
