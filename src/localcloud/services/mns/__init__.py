"""Simple Message Queue (MNS)."""
