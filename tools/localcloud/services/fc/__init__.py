"""Function Compute (FC): functions, each instance of which is a process of its own."""
