"""The test suite mirrors the rooms; e2e holds whole runs on localnet, bench the measurements."""
