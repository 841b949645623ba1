"""The operations on replica sets and volumes, one a file: each plans, reserves, and is carried out step by step."""
