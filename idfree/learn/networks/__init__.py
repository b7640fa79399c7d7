"""What looks: pictures in, dicts of maps out, never a loss."""
