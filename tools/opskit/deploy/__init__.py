"""From this checkout to a stack in an account, and back."""
