"""The suite's own container image: what it is called, and how it is made.

Belongs here: names of images, at a registry too, and the build with Docker. Does not belong here:
what runs in the image (``enforcer``, ``probe``), and the nodes that get it (``clusters.kind``).
"""
