"""The reference enforcer: pods, namespaces and policies -> nftables, one transaction, per node.

Here, in the order of the data: ``selectors`` and ``index`` (which pod has which address and is
selected by what), ``compile`` (what a policy means) and ``ranges``, ``compilation`` (a cluster's
objects -> the elements of this node's sets), ``ruleset`` (elements -> nft text), ``apply`` (text ->
kernel; the only I/O), ``controller`` (watch events -> reconcile). Not here: anything of the
oracle's; how pods get their network (``clusters``). What it cannot express or does not know is
denied, and reported: it fails closed.
"""
