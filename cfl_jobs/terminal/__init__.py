"""What people see and answer at a terminal while something is planned and done."""
