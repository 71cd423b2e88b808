"""Keys at rest and in memory: wallet files, vaults, keystores, the signer."""
