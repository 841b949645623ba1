"""What a session provides to the daemon while it builds: files, secrets, logins."""
