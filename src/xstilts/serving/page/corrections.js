"use strict";
// The dialog for the right label of a text, and its keys.

function choose(number) {
  const item = items[number], typed = model.labels.length > KEYS.length;
  const labels = typed ? [...model.labels].sort((a, b) => item.probabilities[b] - item.probabilities[a]) : model.labels;
  choice = { number, item, typed, labels, visible: labels, at: typed ? 0 : -1, chosen: new Set(isMulti() ? asList(item.corrected ?? item.label) : []) };
  $("chooser-title").textContent = isMulti() ? "Right labels" : "Right label";
  $("chooser-text").textContent = asList(item.text).join(" — ").slice(0, 300);
  $("filter").value = "";
  $("filter").hidden = !typed;
  $("save").hidden = !isMulti();
  $("options").ariaMultiSelectable = String(isMulti());
  $("chooser-help").textContent = [typed ? "Type to filter, arrows to go to a label." : "Press the key of a label.",
    isMulti() ? (typed ? "Enter switches it on or off, Ctrl+Enter saves." : "Enter saves.") : "Enter selects.", "Esc cancels."].join(" ");
  drawOptions();
  $("chooser").showModal();
  (typed ? $("filter") : $("options")).focus();
}

function drawOptions() {
  const { visible, at, typed, chosen, item } = choice;
  const selected = isMulti() ? chosen : new Set(asList(item.corrected ?? item.label));
  $("options").replaceChildren(...visible.map((label, index) => {
    const key = typed ? [] : [make("kbd", { textContent: KEYS[model.labels.indexOf(label)].toUpperCase() })];
    const option = make("li", { id: `option-${index}`, role: "option", className: index === at ? "at" : "", ariaSelected: String(selected.has(label)), onclick: () => pick(label) },
      ...key, make("span", { dir: "auto", textContent: label }));
    return option;
  }), ...(visible.length ? [] : [make("li", { className: "none", textContent: "no such label" })]));
  for (const element of [$("filter"), $("options")]) at >= 0 && visible.length ? element.setAttribute("aria-activedescendant", `option-${at}`) : element.removeAttribute("aria-activedescendant");
  if (at >= 0) $(`option-${at}`)?.scrollIntoView({ block: "nearest" });
}

function pick(label) {
  if (!isMulti()) return save(label);
  if (!choice.chosen.delete(label)) choice.chosen.add(label);
  choice.at = choice.visible.indexOf(label);
  drawOptions();
}

async function save(label) {
  const { number, item } = choice;
  $("chooser").close();
  calm();
  try {
    const done = await post("corrections", { text: item.text, label, predicted: item.label });
    const before = saved.at(-1)?.item;
    saved.push({ number: done.number, item, previous: item.corrected });
    item.corrected = label;
    if (before) redraw(items.indexOf(before));
    const replaced = done.replaced === null ? "" : ` in place of “${named(done.replaced)}”`;
    say(`Saved “${named(label)}”${replaced} in ${model.corrections_file} (${plural(done.rows, "row")}).`);
  } catch (error) { complain(error); }
  redraw(number, { focus: true });
}

async function undo() {
  calm();
  const last = saved.at(-1);
  if (!last) return say("There is no correction of this page to undo.");
  try {
    const done = await call(`corrections/last?number=${last.number}`, { method: "DELETE" });
    saved.pop();
    last.item.corrected = last.previous;
    say(`Undid “${named(done.label)}”; ${model.corrections_file} has ${plural(done.rows, "row")}.`);
    redraw(items.indexOf(last.item), { focus: true });
    if (saved.length) redraw(items.indexOf(saved.at(-1).item));
  } catch (error) { complain(error); }
}

/* The Latin letter or digit of a key on keyboards of every layout. */
function keyOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit) return digit[1];
  if (/^[!-~]$/.test(event.key)) return event.key.toLowerCase();
  return /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase() ?? "";
}

$("chooser").addEventListener("keydown", event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], { visible, at, typed } = choice;
  const onButton = event.target.tagName === "BUTTON";
  if (step) {
    choice.at = (Math.max(at, step > 0 ? -1 : 0) + step + visible.length) % visible.length;
    drawOptions();
  } else if (event.key === "Enter" && !onButton) {
    if (isMulti() && (!typed || event.ctrlKey || event.metaKey)) save(ordered());
    else if (visible[at] !== undefined) pick(visible[at]);
  } else if (!typed && event.key === " " && !onButton) {
    if (visible[at] !== undefined) pick(visible[at]);
  } else {
    const index = typed ? -1 : KEYS.indexOf(keyOf(event) || " ");
    if (index < 0 || index >= model.labels.length) return;
    pick(model.labels[index]);
  }
  event.preventDefault();
});
const ordered = () => model.labels.filter(label => choice.chosen.has(label));
$("filter").addEventListener("input", () => {
  const wanted = $("filter").value.trim().toLocaleLowerCase();
  choice.visible = choice.labels.filter(label => label.toLocaleLowerCase().includes(wanted));
  choice.at = choice.visible.length ? 0 : -1;
  drawOptions();
});
$("save").onclick = () => save(ordered());
$("cancel").onclick = () => $("chooser").close();
$("chooser").addEventListener("close", () => $("list").querySelector(`[data-number="${choice.number}"]`)?.focus());

$("results").addEventListener("keydown", event => {
  const at = event.target.closest(".item"), key = keyOf(event);
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (event.target.tagName === "SELECT") return;
  if (key === "c" && at) choose(Number(at.dataset.number));
  else if (key === "u") undo();
  else if (step && at) at[step]?.focus();
  else return;
  event.preventDefault();
});
