"""Recipe folders on disk: written whole or not at all, read back, compared, linted."""
