"""The operations on replica sets and volumes: each plans, reserves, and is carried out step by step."""
