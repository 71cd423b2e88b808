"""Private keys: wallets files, vaults, keystores, passwords, redaction and the signer."""
