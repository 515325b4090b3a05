"""Elastic Compute Service."""
