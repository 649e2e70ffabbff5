"""Problems that are planned in."""
