"""The operator's command line. It never ships with the function."""
