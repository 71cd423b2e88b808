"""ama-tui keeps an on-chain order book liquid with a fleet of your own wallets."""

__version__ = "0.1.0"
