"""A scenario's objects in the cluster: applying, reading, waiting for and removing them."""
