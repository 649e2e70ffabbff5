"""Tables and figures of finished studies."""
