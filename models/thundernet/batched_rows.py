"""Rows of padded batches, chosen for every image by itself.

Shapes: N images, L rows, R chosen rows, D numbers per row.
"""

from torch import Tensor


def take(values: Tensor, index: Tensor) -> Tensor:
    """Rows `index` (N, R) of `values` (N or 1, L, D) -> (N, R, D); of (N or 1, L) -> (N, R)."""
    values = values.expand(index.shape[0], *values.shape[1:])
    if values.dim() == 2:
        return values.gather(1, index)
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))
