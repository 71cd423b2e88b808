"""What survives a restart: checkpoint, wallet files, journal, lock."""
