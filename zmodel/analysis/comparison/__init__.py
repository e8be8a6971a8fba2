"""Compares several studies.

What concerns one study is a diagnostic.

Read first: ``compare`` (the numbers), then ``comparison_figure`` and ``comparison_page``.
"""
