"""A synthetic street with exact ground truth: people who walk, meet, and hide one another."""
