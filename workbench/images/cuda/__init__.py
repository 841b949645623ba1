"""The CUDA images on a base."""
