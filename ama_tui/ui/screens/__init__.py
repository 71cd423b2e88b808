"""Whole screens, one file each; they put panels and widgets together and send commands to the engine."""
