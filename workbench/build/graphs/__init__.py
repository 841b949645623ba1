"""Containerfiles as graphs: instructions become build states and an image config. Knows nothing of BuildKit's wire."""
