"""Elastic Container Instance."""
