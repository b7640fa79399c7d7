"""Where frames and annotations come from."""
