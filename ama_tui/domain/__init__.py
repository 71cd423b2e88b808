"""Plain values: money, markets, orders, wallets, sessions, plans, events, errors. No I/O."""
