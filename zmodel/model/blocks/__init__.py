"""The kinds of z-layer: one file per kind, in plain torch.

Read first: ``block``, what all kinds have in common. A new kind is a file here and a line in the
table of ``zmodel.model.znet``.
"""
