"""What is computed of finished evaluations."""
