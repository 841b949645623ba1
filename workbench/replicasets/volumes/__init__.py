"""Where volumes lie and how their size is kept: one driver a file."""
