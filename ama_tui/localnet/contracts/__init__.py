"""The localnet's contracts: Vyper sources (a module's name is lower case) and compiled artifacts."""
