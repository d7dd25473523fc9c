"""Talking to the API server: client, rights, refusals, and names in a shared cluster."""
