"""Teaching a detector to tell objects apart: an embedding head on its feature maps, and the graph that holds both."""
