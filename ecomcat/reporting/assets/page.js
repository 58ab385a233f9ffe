"use strict";

const CHART_OPTIONS = {
  responsive: true,
  displaylogo: false,
  // Else a button sends the chart to Plotly's cloud.
  showSendToCloud: false,
  plotlyServerURL: "",
  modeBarButtons: [["toImage", "resetScale2d"]],
};

/** Say at the top of the page what does not work, and why. */
function report(problem) {
  const place = document.getElementById("problem");
  place.textContent = problem;
  place.hidden = false;
}

/** Unpack Plotly's script and run it: the page's policy knows it by its hash. */
async function loadPlotly() {
  const packed = atob(document.getElementById("plotly").textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(unpacked).text();
  document.head.append(script);
}

/** Give a chart the page's own colours, which are others in the dark. */
function colour(figure, element) {
  const style = getComputedStyle(element);
  const [ink, line, paper] = ["--ink", "--line", "--paper"].map((name) => style.getPropertyValue(name).trim());
  const {layout} = figure;
  layout.font = {...layout.font, color: ink};
  for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    layout[axis] = {gridcolor: line, zerolinecolor: line, linecolor: line, ...layout[axis]};
  }
  layout.hoverlabel = {...layout.hoverlabel, bgcolor: paper, bordercolor: line, font: {color: ink}};
}

/** Draw one chart from the JSON that stands in its element. */
async function draw(element) {
  const figure = JSON.parse(element.querySelector("script").textContent);
  element.replaceChildren();
  colour(figure, element);
  await Plotly.newPlot(element, figure.data, figure.layout, CHART_OPTIONS);
  element.dataset.drawn = "yes";
}

async function drawAll() {
  const charts = [...document.querySelectorAll(".chart")];
  if (charts.length === 0) return;
  if (typeof DecompressionStream === "undefined") {
    report("The charts need a browser of 2023 or later; tables and texts are whole.");
    return;
  }
  await loadPlotly();
  for (const chart of charts) {
    // One that cannot be drawn does not take the others with it.
    await draw(chart).catch((error) => report(`A chart could not be drawn: ${error.message}`));
  }
}

/** Compare cells as numbers where both are, else as words; empty ones come last. */
function compareCells(one, other) {
  const [a, b] = [one.dataset.value, other.dataset.value];
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b) : difference;
}

function sortBy(table, column) {
  const heading = table.tHead.rows[0].cells[column];
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((one, other) => {
    const order = compareCells(one.cells[column], other.cells[column]);
    const empty = one.cells[column].dataset.value === "" || other.cells[column].dataset.value === "";
    return ascending || empty ? order : -order;
  });
  table.tBodies[0].append(...rows);
}

/** Hide the rows after the first ones, behind a button, and all but those that are looked for. */
function fold(table) {
  const most = Number(table.dataset.fold);
  const {rows} = table.tBodies[0];
  const field = Object.assign(document.createElement("input"), {
    type: "search",
    className: "find",
    placeholder: `Find among ${rows.length} rows`,
    ariaLabel: `Find in the table ${table.caption?.textContent ?? ""}`,
  });
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "more",
    textContent: `Show all ${rows.length} rows`,
  });
  const show = () => {
    const wanted = field.value.trim().toLowerCase();
    [...rows].forEach((row, at) => {
      const found = row.textContent.toLowerCase().includes(wanted);
      row.hidden = wanted ? !found : button.isConnected && at >= most;
    });
    button.hidden = wanted !== "";
  };
  button.addEventListener("click", () => {
    button.remove();
    show();
  });
  field.addEventListener("input", show);
  table.addEventListener("sorted", show);
  table.closest(".scrolls").before(field);
  table.closest(".scrolls").after(button);
  show();
}

for (const table of document.querySelectorAll("table.sorts")) {
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      sortBy(table, column);
      table.dispatchEvent(new Event("sorted"));
    });
  });
  if (table.dataset.fold) fold(table);
}

drawAll().catch((error) => report(`The charts could not be drawn: ${error.message}`));
