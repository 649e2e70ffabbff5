"""How hard instances are for planners, and where agents think against where planners err."""
