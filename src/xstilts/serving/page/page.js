"use strict";
// Input and prediction. The scripts share these names.

const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";  // of classes in the chooser; more classes are filtered by typing
const BATCH = 64, SHOWN = 50, TOP = 5, OPEN = 3;
const $ = id => document.getElementById(id);
let model, items = [], order = [], shown = 0, choice = null, running = null, fileName = "";
const saved = [];  // corrections of this page that can be undone

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const percent = share => share > .995 && share < 1 ? "> 99%" : share > 0 && share < .005 ? "< 1%" : `${Math.round(share * 100)}%`;
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const isMulti = () => model.problem === "multi-label";
const asList = label => Array.isArray(label) ? label : [label];
const named = label => asList(label).join(", ") || "no label";
const say = text => { $("status").textContent = text; };

async function call(path, options = {}) {
  let response, answer;
  try {
    response = await fetch(path, options);
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw { message: "the server does not answer", hint: "see whether `xstilts serve` still runs" };
  }
  if (!response.ok) throw answer;
  return answer;
}
const post = (path, value, options = {}) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), ...options });

function complain(error) {
  if (!error.message || error instanceof Error) console.error(error);
  $("problem").replaceChildren(error.message || String(error), ...(error.hint ? [make("small", { textContent: error.hint })] : []));
  $("problem").hidden = false;
}
const calm = () => { $("problem").hidden = true; say(""); };

async function predict(texts, lines = [], left = [], notes = []) {
  running?.abort();
  const mine = running = new AbortController();
  items = [];
  listLeftOut(left, notes);
  $("list").replaceChildren();
  $("results").hidden = true;
  try {
    for (let start = 0; start < texts.length; start += BATCH) {
      progress(start, texts.length);
      const batch = texts.slice(start, start + BATCH);
      const { predictions } = await post("predict", { texts: batch }, { signal: mine.signal });
      predictions.forEach((prediction, index) => items.push({ ...prediction, text: batch[index], line: lines[start + index] }));
      if (start === 0) show();
    }
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
  if (running !== mine) return;
  running = null;
  progress(0, 0);
  if (!items.length) return;
  show();
  const missing = texts.length - items.length;
  say(items.length === 1 ? `Predicted: ${named(items[0].label)}, ${percent(items[0].probability)}.` :
    `Predicted ${plural(items.length, "text")}${missing ? `; ${plural(missing, "text")} not predicted` : ""}.`);
  $("list").firstElementChild?.focus();
}

function progress(done, total) {
  $("progress").hidden = total <= BATCH;
  $("bar").value = total ? done / total : 0;
  $("done").textContent = `${done.toLocaleString("en")} of ${plural(total, "text")}`;
  $("form").setAttribute("aria-busy", String(total > 0));
}

function listLeftOut(left, notes) {
  $("left-out").hidden = !left.length && !notes.length;
  const what = [left.length && `${plural(left.length, "row")} left out`, notes.length && plural(notes.length, "note")];
  $("left-out").querySelector("summary").textContent = `In the file: ${what.filter(Boolean).join(", ")}`;
  const lines = [...left.map(row => `line ${row.line}: ${row.message}`), ...notes];
  $("left-out").querySelector("ul").replaceChildren(...lines.map(text => make("li", { textContent: text })));
}

async function readFile(file) {
  calm();
  fileName = file.name;
  try {
    if (file.size > model.max_bytes) {
      throw { message: `${file.name} has more than ${model.max_bytes.toLocaleString("en")} bytes`, hint: "split the file, or raise --max-bytes" };
    }
    say(`Reading ${file.name}.`);
    const headers = { "Content-Type": "application/octet-stream" };
    const read = await call(`file?name=${encodeURIComponent(file.name)}`, { method: "POST", headers, body: file });
    await predict(read.texts, read.lines, read.left_out, read.notes);
  } catch (error) { say(""); complain(error); }
}

$("form").addEventListener("submit", event => {
  event.preventDefault();
  calm();
  fileName = "";
  const text = $("text").value, pair = $("pair").value;
  const parts = $("split").checked && !model.reads_pairs ? text.split("\n") : [text];
  const texts = parts.filter(part => part.trim());
  if (!texts.length || (model.reads_pairs && !pair.trim())) return complain({ message: model.reads_pairs ? "write two texts" : "write a text" });
  predict(model.reads_pairs ? [[text, pair]] : texts);
});
$("form").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
});
$("file").onchange = () => { if ($("file").files[0]) readFile($("file").files[0]); $("file").value = ""; };
$("stop").onclick = () => running?.abort();
$("order").onchange = () => show();
$("more").onclick = () => { const first = shown; showMore(); $("list").children[first]?.focus(); };
const hasFiles = event => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", event => { if (hasFiles(event)) { event.preventDefault(); $("drop").classList.add("on"); } });
addEventListener("dragleave", event => { if (!event.relatedTarget) $("drop").classList.remove("on"); });
addEventListener("drop", event => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  $("drop").classList.remove("on");
  if (event.dataTransfer.files.length > 1) return complain({ message: "drop one file at a time" });
  readFile(event.dataTransfer.files[0]);
});

async function start() {
  model = await call("model");
  const names = model.labels.length > 8 ? `${model.labels.slice(0, 6).join(", ")} and ${model.labels.length - 6} more` : model.labels.join(", ");
  const kind = isMulti() ? "any of" : "one of";
  document.title = `xstilts: ${model.language_name}`;
  $("about").textContent = `For ${model.reads_pairs ? "pairs of texts" : "texts"} in ${model.language_name} and others. Predicts ${kind} ${plural(model.labels.length, "label")}: ${names}.`;
  $("pair-box").hidden = !model.reads_pairs;
  $("split-box").hidden = model.reads_pairs;
  if (model.reads_pairs) $("text-label").textContent = "First text";
  const columns = ["text", "pair"].filter(field => field in model.columns).map(field => `“${model.columns[field]}”`).join(" and ");
  $("file-help").textContent = `Files: CSV, TSV, JSON or JSONL with the column${model.reads_pairs ? "s" : ""} ${columns}${model.reads_pairs ? "" : ", or TXT with a text on each line"}.`;
  $("note").textContent = `Texts are not stored. Corrections are saved in ${model.corrections_file}, which “xstilts fit --shots” reads.`;
}
start().catch(complain);
