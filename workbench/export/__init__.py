"""What platforms import: image streams, Elyra's runtime images, bake files, Kubernetes manifests."""
