"""What the specification says about one connection, and why. Pure.

Here: a function from a cluster's state and a connection to a Decision, with the policies and
rules that allow it or the nearest miss, each resting on a numbered sentence of
docs/semantics.md.
Not here: anything of the enforcer's. Neither imports the other; they share ``model`` and nothing
else, which is what makes their agreement mean something.
"""
