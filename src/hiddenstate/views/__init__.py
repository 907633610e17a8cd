"""Pictures of a run, drawn from its folder alone.

`scene` reads a run as it was at any step, `figures` turns arrays into matplotlib figures,
`gallery` says which figures a run has, `window` shows them live.
"""
