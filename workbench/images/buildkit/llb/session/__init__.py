"""What the daemon asks of us while it builds: files, secrets, logins."""
