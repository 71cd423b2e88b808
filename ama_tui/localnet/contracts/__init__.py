"""The local venue's contracts: Vyper sources (modules in lower case) and compiled artifacts."""
