"""Report -> the text of a file: JSON, YAML, JUnit, Markdown, workflow commands, badges.

Pure, all but ``files``, which writes them.
"""
