"""Pictures of a run, drawn from its folder alone.

`timeline` reads a run as it was at any step, `figures` turns arrays into matplotlib figures,
`catalog` says which figures a run has, `window` shows them live.
"""
