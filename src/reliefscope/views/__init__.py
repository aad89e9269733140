"""What people see in a browser or a notebook: Panel views over published products."""
