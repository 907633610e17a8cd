"""Builds the elements of the plot of codes, which stay hidden until the script runs."""

from hiddenstate.report.facts import RunFacts
from hiddenstate.web import tags


def plot(facts: RunFacts) -> str:
    """Return the elements of the plot, for `codes.js` to fill."""
    size = facts.config.flat().get("code_size", 0)
    help_text = _HELP[min(max(size, 1), 3)]
    note = f"Codes have {size} numbers; the first three are drawn. " if size > 3 else ""
    return _PLOT.replace("@help", tags.text(note + help_text)).replace(
        "@time", tags.time_bar("plot")
    )


_HELP = {
    3: "Drag or use the arrow keys to rotate. Zoom with + and -, or with the wheel while the plot "
    "has the focus. N and P select the next and the previous row, Escape clears the selection, "
    "Home resets the view.",
    2: "Drag or use the arrow keys to move. Zoom with + and -, or with the wheel while the plot "
    "has the focus. N and P select the next and the previous row, Escape clears the selection, "
    "Home resets the view.",
}
_HELP[1] = (
    "A code is one number, drawn from left to right. The vertical position only separates the "
    "classes. " + _HELP[2]
)

_PLOT = """
<div id="plot" class="plot" hidden>
<div class="stage">
<canvas id="plot-canvas" tabindex="0" role="application" aria-label="Plot of the codes"
 aria-describedby="plot-help"></canvas>
<div class="corner" role="group" aria-label="View">
<button type="button" id="plot-in" aria-label="Zoom in">+</button>
<button type="button" id="plot-out" aria-label="Zoom out">&minus;</button>
<button type="button" id="plot-home" aria-label="Reset the view">&#8962;</button>
<button type="button" id="plot-turn" aria-label="Rotate" aria-pressed="false">&#8635;</button>
</div>
@time
</div>
<div class="side">
<div id="plot-classes" class="classes" role="group" aria-label="Classes shown"></div>
<div class="search">
<label for="plot-search">Find rows by label, or one by #number</label>
<div><input type="search" id="plot-search" autocomplete="off" spellcheck="false">
<button type="button" id="plot-back" aria-label="Previous row">&#8249;</button>
<button type="button" id="plot-next" aria-label="Next row">&#8250;</button></div>
<output id="plot-found"></output>
</div>
<div id="plot-row" class="row" aria-live="polite">
<p id="plot-title" class="row-title">No row selected</p>

<div class="pair" id="plot-pair">
<figure id="plot-original-part"><canvas id="plot-original" role="img"
 aria-label="The row"></canvas><figcaption>original</figcaption></figure>
<figure id="plot-rebuilt-part"><canvas id="plot-rebuilt" role="img"
 aria-label="Its reconstruction"></canvas>
<figcaption>reconstruction at the end</figcaption></figure>
</div>
<p id="plot-facts" class="row-facts"></p>
</div>
</div>
<p id="plot-help" class="help">@help</p>
</div>
"""
