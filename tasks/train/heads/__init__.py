"""The family `head`: its settings, and how its models are fitted."""
