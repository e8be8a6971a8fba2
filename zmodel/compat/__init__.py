"""Private parts of other libraries that zmodel uses.

One module per library.

Each use says why no public way serves. ``tests/compat`` fails with the name of what a new release
of the library moved. Nowhere else is a private name of a library used (``tests/house``).
"""
