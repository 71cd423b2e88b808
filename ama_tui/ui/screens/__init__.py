"""The screens, one file each: they compose panels and widgets and send commands to the engine."""
