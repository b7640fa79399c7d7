"""Results as images, videos, tables and HTML pages."""
