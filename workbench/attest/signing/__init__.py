"""Signatures of images in cosign's format, with key pairs. Imports cryptography and PyNaCl."""
