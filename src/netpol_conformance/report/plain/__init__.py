"""A step as plain text: marks of cells, the matrix, what was probed during a change. Pure."""
