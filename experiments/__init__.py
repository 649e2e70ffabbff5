"""Studies: presets, run directories, figures, the command line."""
