"""The studio: runs and data in the browser, served on this machine alone.

It reads run folders, appends requests to them, and starts commands of the program as processes of
their own; it trains nothing itself, and can end at any moment without a run noticing.
:func:`~hiddenstate.studio.serve.serve` starts it.
"""
