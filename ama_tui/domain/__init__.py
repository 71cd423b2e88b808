"""What things are: money, markets, orders, wallets, sessions, plans, events. Pure values, no I/O."""
