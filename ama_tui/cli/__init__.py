"""The front door: commands, options, wiring, exit codes. The only room that sees all others."""
