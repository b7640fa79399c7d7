"""Training data: batches of images or crops with their augmentation and targets."""
