"""What is in an image, in bytes: measured in a container of it, by package and by folder."""
