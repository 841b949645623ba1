"""The code of BuildKit's messages, generated: `make protos`."""
