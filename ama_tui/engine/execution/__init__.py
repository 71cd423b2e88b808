"""Sending orders: queues, pre-trade checks, the sender."""
