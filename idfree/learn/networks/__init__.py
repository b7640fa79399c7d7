"""Networks: modules that map a batch of images or crops to a dict of maps or embeddings; they compute no loss."""
