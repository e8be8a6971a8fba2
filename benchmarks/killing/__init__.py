"""The parts of benchmarks/kill.py: commands on a study, faults that hit them, checks."""
