"""The kinds of z-layer that a ZNet can be made of: one file per kind, plain torch.

Read first: ``block``, what all kinds have in common. A new kind is a file here and a line in the
table of ``zmodel.model.znet``.
"""
