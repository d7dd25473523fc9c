"""What a report is: the Report, collected from events, summarised and shortened. Pure.

Not here: any form that a reader sees.
"""
