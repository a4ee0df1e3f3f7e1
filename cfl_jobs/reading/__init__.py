"""What people wrote → tracked data with places: YAML, definitions, the inventory."""
