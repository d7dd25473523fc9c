"""Kubernetes objects as the suite needs them: parse, default, validate. Pure.

Here: immutable value types for the objects, YAML and JSON manifests to objects and back with
the API server's defaulting and validation (semantics S60-S63), which API groups and fields a
Kubernetes version knows (S70-S72), and which pods stand behind a Service.
Not here: what a policy *means*. Selector matching, port resolution and isolation are written
twice, once in ``oracle`` and once in ``enforcer``, so that their agreement says something.
No I/O, no clock.
"""
