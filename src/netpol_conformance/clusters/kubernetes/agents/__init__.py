"""The agents in the cluster's pods: streams to them, and probes over time."""
