"""BuildKit as a builder of images: a Docker Engine's, or a buildkitd by itself."""
