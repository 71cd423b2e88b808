"""The test suite mirrors the package; e2e has whole runs on localnet, bench the measurements."""
