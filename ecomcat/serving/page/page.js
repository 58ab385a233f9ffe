// The page to try a model. Whatever comes from a text or from the service is set as text, never as
// markup.

const BARS_SHOWN = 6;
const BARS_ASKED = 30;
const MIN_SHARE = 0.08; // of the strongest word's weight: what is below is not highlighted
const STRENGTHS = 4;

const byId = (id) => document.getElementById(id);
const format = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const count = (number) => new Intl.NumberFormat("en").format(number);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`;

let model = null;

// What is not quite nothing or all is not shown as if it were.
function percent(share) {
  if (share > 0 && share < 0.0005) return "<0.1%";
  return share < 1 && share >= 0.9995 ? ">99.9%" : format.format(share);
}

function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text }, properties);
}

// The service's own word on what is wrong, or ours where it cannot be reached.
async function call(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The service does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `The service refused the request (${answer.status}).`);
}

async function showModel() {
  model = await (await call("model")).json();
  const { accuracy } = model.test;
  const figures = [`${count(model.labels.length)} categories`];
  if (accuracy !== null) figures.push(`${percent(accuracy)} right on texts it had not seen`);
  const { min_precision: asked } = model.accept;
  const reached = (model.test.coverage ?? {})[asked];
  if (reached?.promised && reached.precision_interval) figures.push(...promise(asked, reached));
  byId("figures").textContent = figures.join(" · ");
  byId("source").textContent = model.data_source ? `Trained on ${model.data_source}` : "";
  byId("file-limits").textContent =
    `CSV or TSV, also .gz or .zip, up to ${model.limits.max_body_mb} MB`;
  showFields(model.fields);
}

// The precision asked of accepted answers, what validation promises, and what test showed.
function promise(asked, { promised, coverage, coverage_interval, precision, precision_interval }) {
  const within = ([low, high]) => `(${percent(low)} to ${percent(high)})`;
  return [
    `accepted where ${percent(asked)} is asked, ${percent(promised)} promised: ` +
      `${percent(coverage)} ${within(coverage_interval)}`,
    `of these ${percent(precision)} ${within(precision_interval)} right`,
  ];
}

// What the model reads beside its first text.
function showFields({ texts: [first, ...more], categories, numbers }) {
  const names = [...more, ...categories, ...numbers];
  byId("fields").replaceChildren(...names.map((name, place) => {
    const row = element("div", "", { className: "field" });
    const id = `field-${place}`;
    const input = element("input", "", { id, name, type: "text", autocomplete: "off" });
    row.append(element("label", name, { htmlFor: id, dir: "auto" }), input);
    return row;
  }));
  if (names.length === 0) return;
  byId("ask-title").textContent = first;
  byId("text").required = false;
}

// The text, or an object of the fields that are filled in.
function asked() {
  const fields = [...byId("fields").querySelectorAll("input")];
  const text = byId("text").value;
  if (fields.length === 0) return text;
  const values = fields.map(({ name, value }) => [name, value]);
  const filled = [[model.fields.texts[0], text], ...values].filter(([, value]) => value);
  return Object.fromEntries(filled);
}

// One text

function verdict(prediction) {
  if (prediction.label === null) return ["", `No category: ${prediction.reason}.`];
  const { min_precision: precision, min_confidence: least } = model.accept;
  const often = `right ${percent(precision)} of the time`;
  if (prediction.accept) return ["\u2713 Accepted", `Answers this sure are ${often}.`];
  if (prediction.accepted_path) {
    const part = `Answers this sure of \u201c${prediction.accepted_path}\u201d are ${often}`;
    return ["\u2713 Accepted in part", `${part}; the levels below need a check.`];
  }
  if (prediction.novel) return ["Needs a check", "It is unlike all that the model was trained on."];
  const why =
    least === null
      ? `No confidence is known to be ${often}.`
      : `Only answers of ${percent(least)} and more are ${often}.`;
  return ["Needs a check", why];
}

function bar([name, probability]) {
  const item = document.createElement("li");
  const track = element("span", "", { className: "track" });
  const fill = element("span", "", { className: "fill" });
  fill.style.width = `${probability * 100}%`;
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  item.append(element("span", name, { dir: "auto" }), element("span", percent(probability)), track);
  return item;
}

// One bar a level, where categories are paths.
function showLevels(levels, accepted) {
  byId("levels").hidden = levels.length === 0;
  byId("levels").replaceChildren(
    ...levels.map(({ name, confidence }, level) => {
      const item = bar([name, confidence]);
      item.style.setProperty("--level", level);
      item.classList.toggle("accepted", level < accepted);
      return item;
    }),
  );
}

function showBars(probabilities) {
  const ranked = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const more = byId("more");
  const rest = ranked.slice(BARS_SHOWN);
  byId("bars").replaceChildren(...ranked.slice(0, BARS_SHOWN).map(bar));
  more.hidden = rest.length === 0;
  more.textContent = `Show ${count(rest.length)} more`;
  more.onclick = () => {
    byId("bars").append(...rest.map(bar));
    more.hidden = true;
  };
}

function strengths(words) {
  const strongest = Math.max(0, ...words.map((word) => word.weight));
  return words
    .filter((word) => word.weight > 0 && word.weight >= strongest * MIN_SHARE)
    .flatMap(({ weight, spans }) => {
      const strength = Math.ceil((weight / strongest) * STRENGTHS);
      return spans.map(([start, end]) => ({ start, end, strength, weight }));
    })
    .sort((one, other) => one.start - other.start);
}

function showWords(text, words) {
  // Positions count code points, of which JavaScript's strings may hold two units each.
  const characters = Array.from(text);
  const slice = (start, end) => characters.slice(start, end).join("");
  const pieces = [];
  let position = 0;
  for (const { start, end, strength, weight } of strengths(words)) {
    if (start < position) continue;
    const mark = element("mark", slice(start, end), {
      title: `${percent(weight)} less sure without it`,
    });
    mark.dataset.strength = strength;
    pieces.push(slice(position, start), mark);
    position = end;
  }
  byId("marked").replaceChildren(...pieces, slice(position));
  byId("words-note").textContent =
    pieces.length === 0 ? "No single word decided it: without any one of them, the answer stays as sure." : "";
}

function showPrediction(text, prediction) {
  const readable = prediction.label !== null;
  byId("nothing-yet").hidden = true;
  byId("answer").hidden = false;
  byId("label").textContent = prediction.label ?? "No answer";
  [byId("verdict").textContent, byId("verdict-reason").textContent] = verdict(prediction);
  const accepted = prediction.accepted_level ?? 0;
  byId("verdict").classList.toggle("accepted", prediction.accept || accepted > 0);
  showLevels(prediction.levels ?? [], accepted);
  showBars(prediction.probabilities ?? {});
  byId("words").hidden = !readable;
  if (readable) showWords(prediction.text ?? text, prediction.words ?? []);
}

let asking = null;

async function ask(event) {
  event.preventDefault();
  asking?.abort();
  const mine = (asking = new AbortController());
  byId("ask-error").textContent = "";
  byId("ask-button").disabled = true;
  try {
    if (model === null) await showModel();
    const text = asked();
    const answer = await call("predict", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text, explain: true, top_k: BARS_ASKED }),
      signal: mine.signal,
    });
    showPrediction(text, await answer.json());
  } catch (error) {
    if (error.name !== "AbortError") byId("ask-error").textContent = error.message;
  } finally {
    if (asking === mine) byId("ask-button").disabled = false;
  }
}

// A whole file

let labelling = null;

function labelledName(name) {
  const plain = name.replace(/\.(gz|zip)$/i, "");
  const [, stem, ending] = plain.match(/^(.*?)(\.(?:csv|tsv|txt))?$/is);
  return `${stem}-labelled${ending ?? ".csv"}`;
}

function offer(blob, name) {
  const link = byId("download");
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.textContent = `Download ${name}`;
  link.hidden = false;
  link.click();
}

async function labelFile(file) {
  labelling?.abort();
  const mine = (labelling = new AbortController());
  const column = byId("column").value.trim();
  const query = column ? `?${new URLSearchParams({ text_column: column })}` : "";
  byId("file-error").textContent = "";
  byId("download").hidden = true;
  byId("file-progress").hidden = false;
  byId("file-status").textContent = `Labelling ${file.name} (${megabytes(file.size)})`;
  try {
    if (model === null) await showModel();
    if (file.size > model.limits.max_body_mb * 1e6) {
      throw new Error(`Expected at most ${model.limits.max_body_mb} MB, found ` +
        `${megabytes(file.size)}. Send it in parts, or use ecomcat.predict.`);
    }
    const answer = await call(`label${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: file,
      signal: mine.signal,
    });
    const blob = await answer.blob();
    offer(blob, labelledName(file.name));
    byId("file-status").textContent = `${file.name} is labelled.`;
  } catch (error) {
    if (labelling !== mine) return;
    const cancelled = error.name === "AbortError";
    byId("file-status").textContent = cancelled ? "Cancelled." : "";
    byId("file-error").textContent = cancelled ? "" : error.message;
  } finally {
    if (labelling === mine) byId("file-progress").hidden = true;
  }
}

function listen() {
  const drop = byId("drop");
  byId("ask").addEventListener("submit", ask);
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("ask").requestSubmit();
  });
  byId("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (file) labelFile(file);
    target.value = ""; // so that the same file can be chosen again
  });
  byId("cancel").addEventListener("click", () => labelling?.abort());
  // Dropped beside the field, a file would replace the page.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
  drop.addEventListener("dragover", () => drop.classList.add("over"));
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) labelFile(file);
  });
}

listen();
showModel().catch((error) => {
  byId("ask-error").textContent = error.message;
});
