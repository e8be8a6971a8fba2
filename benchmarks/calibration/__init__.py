"""Seeded faults, and what the verdicts say about them."""
