"""Seeded faults and what the verdicts say of them, in simulated studies and in real curves."""
