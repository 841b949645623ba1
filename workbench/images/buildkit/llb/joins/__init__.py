"""Trees that were made side by side become one, on any BuildKit."""
