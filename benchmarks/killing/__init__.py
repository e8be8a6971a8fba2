"""What benchmarks/kill.py is made of: commands on a study, faults that hit them, and checks."""
