"use strict";
// The list of predictions, and its download.

function show() {
  order = items.map((_, number) => number);
  if ($("order").value === "unsure") order.sort((a, b) => items[a].probability - items[b].probability);
  $("list").replaceChildren();
  shown = 0;
  $("results").hidden = false;
  $("count").textContent = items.length === 1 ? "1 prediction" : `${plural(items.length, "prediction")}, ${items.filter(item => item.abstained).length.toLocaleString("en")} not sure enough`;
  $("order-box").hidden = items.length < 2;
  showMore();
}
function showMore() {
  const next = order.slice(shown, shown + SHOWN);
  $("list").append(...next.map(card));
  shown += next.length;
  $("more").hidden = shown >= order.length;
  $("more").textContent = `Show ${plural(Math.min(SHOWN, order.length - shown), "more text")}`;
}

function card(number) {
  const item = items[number];
  const texts = asList(item.text).map((text, index) => make("p", { className: index ? "text second" : "text", dir: "auto", textContent: text }));
  const isCorrected = item.corrected !== undefined;
  const verdict = make("div", { className: "verdict" }, make(isCorrected ? "s" : "b", { textContent: named(item.label) }), probability(item));
  if (isCorrected) verdict.append(make("span", { className: "new", textContent: `corrected: ${named(item.corrected)}` }));
  if (item.abstained) verdict.append(make("span", { className: "badge", textContent: "not sure enough" }));
  if (item.unlike_training) verdict.append(make("span", { className: "badge", textContent: "unlike the training texts" }));
  if (item.cut_off) verdict.append(make("span", { className: "badge", textContent: "cut off" }));
  const buttons = make("span", { className: "push" }, make("button", { type: "button", textContent: "Correct", onclick: () => choose(number) }));
  if (saved.at(-1)?.item === item) buttons.prepend(make("button", { type: "button", textContent: "Undo", onclick: undo }), " ");
  verdict.append(buttons);
  const element = make("li", { className: item.abstained ? "item unsure" : "item", tabIndex: 0 }, ...texts, verdict, bar(item.probability), ...reasons(item), evidence(item));
  element.dataset.number = number;
  element.ariaLabel = `Text ${number + 1}${item.line ? `, line ${item.line}` : ""}: ${named(item.corrected ?? item.label)}`;
  return element;
}

/* That of multi-label predictions is the lowest of their labels, or that of having none. */
function probability(item) {
  const least = Array.isArray(item.label) && item.label.length > 1 ? "at least " : "";
  return least + percent(item.probability);
}

function reasons(item) {
  const why = [];
  const right = model.precision === null ? "" : `, the least at which ${percent(model.precision)} of held-out predictions were right`;
  if (item.abstained) why.push(`Not sure enough: the probability is below ${percent(model.least_probability)}${right}.`);
  if (item.unlike_training) why.push(`Unlike the training texts: the most similar one has a similarity of ${item.nearest[0].similarity.toFixed(2)}, below ${model.least_similarity.toFixed(2)}.`);
  if (item.cut_off) why.push("Cut off: the text is longer than the model reads, and its end was not read.");
  return why.map(text => make("p", { className: "why", textContent: text }));
}

function bar(share) {
  const fill = make("i");
  fill.style.width = `${share * 100}%`;
  return make("div", { className: "bar", ariaHidden: "true" }, fill);
}

function evidence(item) {
  const ranked = Object.entries(item.probabilities).sort((a, b) => b[1] - a[1]);
  const shares = make("div", { className: "shares" });
  for (const [label, share] of ranked.slice(0, TOP)) {
    const chosen = asList(item.label).includes(label) ? "chosen" : "";
    shares.append(make("span", { className: chosen, textContent: label }), bar(share), make("span", { className: chosen, textContent: percent(share) }));
  }
  const details = make("details", { open: items.length <= OPEN }, make("summary", { textContent: "Probabilities and similar training texts" }), shares);
  if (ranked.length > TOP) shares.after(make("p", { className: "soft small", textContent: `and ${plural(ranked.length - TOP, "more label")}` }));
  if (item.nearest.length) {
    details.append(make("h3", { textContent: "Most similar training texts" }), make("ul", { className: "near" }, ...item.nearest.map(row => make("li", {},
      make("p", { dir: "auto", lang: row.language, textContent: row.text }),
      make("small", { textContent: `${row.label || "no label"} · ${row.language} · similarity ${row.similarity.toFixed(2)}` })))));
  }
  return details;
}

function redraw(number, { focus = false } = {}) {
  const old = $("list").querySelector(`[data-number="${number}"]`);
  if (!old) return;
  const element = card(number);
  element.querySelector("details").open = old.querySelector("details").open;
  old.replaceWith(element);
  if (focus) element.focus();
}

/* A spreadsheet runs a cell that begins with one of these as a formula; an apostrophe before it makes it text. */
const cell = value => `"${String(value).replace(/^[=+\-@\t\r\n＝＋－＠]/u, "'$&").replaceAll('"', '""')}"`;
const spelled = label => Array.isArray(label) ? JSON.stringify(label) : label;
function csv() {
  const names = ["text", "pair"].filter(field => field in model.columns).map(field => model.columns[field]);
  const rows = items.map(item => [item.line ?? "", ...asList(item.text), spelled(item.label), item.probability, item.abstained, item.unlike_training, item.cut_off,
    item.corrected === undefined ? "" : spelled(item.corrected)]);
  const header = ["line", ...names, "predicted", "probability", "not_sure_enough", "unlike_training", "cut_off", "corrected"];
  return "\ufeff" + [header, ...rows].map(row => row.map(cell).join(",") + "\r\n").join("");
}
$("download").onclick = () => {
  const url = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
  make("a", { href: url, download: `${fileName.replace(/\.[^.]*$/, "") || "texts"}-predicted.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
};
