"""Parts of a screen that read the engine's snapshot: what to show, as pure functions and small widgets."""
