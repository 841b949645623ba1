"""A recipe as a graph of BuildKit's steps."""
