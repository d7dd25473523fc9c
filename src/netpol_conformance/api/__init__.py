"""An API server in memory, and the scheduler and allocators behind it: what becomes of objects.

What each object is by itself, the model says. The embedded cluster and the foreseen cluster of a
scenario are this one: the same manifests have the same places, addresses and refusals in both.
Pure.
"""
