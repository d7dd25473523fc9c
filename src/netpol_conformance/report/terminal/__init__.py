"""The run on a terminal as it goes."""
