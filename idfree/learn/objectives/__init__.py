"""What is wanted: dicts of tensors in, dicts of named losses out, never a network."""
