"""What is looked at: batches of pictures, drawn and varied."""
