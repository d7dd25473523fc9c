"""Committed reports: the index over them and its page. Pure."""
