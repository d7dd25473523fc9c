"""Kubernetes objects as the suite needs them: parse, default, validate. Pure.

Here: immutable value types for the objects, the API server's defaulting and validation
(semantics S60-S63), and which API groups a Kubernetes version serves (S70-S72).
Not here: what a policy *means*. Selector matching, port resolution and isolation are written
twice, once in ``oracle`` and once in ``enforcer``, so that their agreement says something.
No I/O, no clock.
"""
