"""What a base image says of itself, and what follows from that."""
