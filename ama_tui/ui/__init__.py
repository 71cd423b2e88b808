"""The terminal dashboard: the Textual application with its screens, panels and widgets."""
