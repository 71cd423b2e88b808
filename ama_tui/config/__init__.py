"""What was asked: environment, wallets file, run configuration, paths."""
