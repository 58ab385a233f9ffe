"""A page that holds one of each part, with texts that would do harm if they were not escaped."""

from __future__ import annotations

from ecomcat.export.summary import Table
from ecomcat.reporting.html import Chart, Code, MarkedText, figure, plotly_text, render

HARM = (
    "</script><script>document.title='harm'</script><img src=x onerror=\"document.title='harm'\">"
)


def one_of_each() -> str:
    """Return a page with every kind of part, each holding the harmful text."""
    from plotly.graph_objects import Bar, Parcoords

    bars = figure(x=HARM, y="texts")
    bars.add_trace(Bar(x=[plotly_text(HARM), "b"], y=[1, 2], hovertext=plotly_text(HARM)))
    lines = figure()
    dimensions = [{"label": plotly_text(HARM), "values": [1, 2]}, {"label": "b", "values": [3, 4]}]
    lines.add_trace(Parcoords(dimensions=dimensions))
    parts = (
        HARM,
        {HARM: HARM},
        Table(
            ["name", "share", HARM],
            [[HARM, 0.125, None], ["b", 0.5, "x"], ["c", 0.25, "y"]],
            caption=HARM * 3,
            formats={"share": ".1%"},
            fold=2,
        ),
        Chart(HARM, bars, caption=HARM),
        Chart("Parallel coordinates", lines, min_width=700),
        MarkedText(HARM, HARM, [(0, 9, 1.0), (9, 17, -0.5)]),
        Code(HARM),
        Code(HARM, summary=HARM),
        ["side", Chart("by side", figure())],
    )
    return render(HARM, HARM, {HARM: parts, "Empty": []}, footer=HARM)
