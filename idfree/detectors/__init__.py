"""Frame → View: what is in the picture."""
