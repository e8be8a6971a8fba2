"""Several studies side by side. What concerns one study is a diagnostic.

Read first: ``studies`` (the numbers), then ``figure``, then ``comparison_page``.
"""
