"""What joins trees within a build: read as text, and run there."""
