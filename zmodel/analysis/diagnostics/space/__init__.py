"""Diagnostics of the search space: where trials went and what each parameter is worth."""
