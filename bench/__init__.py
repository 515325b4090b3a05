"""How fast the function is, beside what a user would write instead: `python -m bench`."""
