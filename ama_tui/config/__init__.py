"""Configuration: environment, settings of a run, presets, paths."""
