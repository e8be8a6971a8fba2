"""Basics that every room uses: names, signals, directions.

Imports no other room.

Read first: ``running_trial`` (what a run sees of its study), ``interrupt`` (stopping on request).
"""
