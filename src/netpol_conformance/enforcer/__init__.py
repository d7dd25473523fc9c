"""The reference enforcer: pods, namespaces and policies -> nftables, one transaction, per node.

Here: ``compile`` (a cluster's state -> the elements of this node's sets; pure), ``ruleset``
(elements -> nft text; pure), ``apply`` (text -> kernel; the only I/O), ``controller`` (watch
events -> reconcile).
Not here: anything of the oracle's; how pods get their network (``clusters``). What it cannot
express or does not know is denied, and reported: it fails closed.
"""
