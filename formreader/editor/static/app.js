// The editor: what is shown, what the server says to each change, saving, and scans dropped on the page.

import { Refusal, get, post, send } from "./api.js";
import { ask, say } from "./dialog.js";
import { count, h } from "./dom.js";
import { List } from "./list.js";
import { Model, boxesOf, pageOf } from "./model.js";
import { Panel } from "./panel.js";
import { Sheet } from "./sheet.js";

const CHECKED_AFTER_MS = 250;
const MOST_MB = 64;
const HINT = "Click a box and type its name, Tab for the next. Drag to move it; on bare paper, to select several. Ctrl and the wheel zoom. F1: all keys.";
const DRAWING = "Drag over a box of the form, or press Enter to put one in the middle; Escape ends it.";
const KEYS = [
  ["letters", "name the selected field"],
  ["Tab, Shift+Tab", "next field, field before; Escape first leaves the form"],
  ["Enter or F2", "go to the field's name; Enter there goes back to the form"],
  ["Arrows", "move the field or box by a pixel, with Shift by ten; with Alt make it larger or smaller"],
  ["Ctrl+Right, Ctrl+Left", "a single box of the field"],
  ["Insert, Shift+Insert", "a new field, another box of the field"],
  ["Shift+Page Down, Shift+Page Up", "select one field more; with the mouse Shift and a click, or drag around them"],
  ["Delete", "delete what is selected"],
  ["Ctrl+A", "select all fields of the page"],
  ["+, -, 0", "zoom in, out, the whole form; Space and drag moves it"],
  ["Ctrl+Z, Ctrl+Shift+Z", "take back, do again"],
  ["Ctrl+S", "save"],
  ["F1", "these keys"],
];

const $ = (id) => document.getElementById(id);

const opened = await get("opened");
const model = new Model(opened.document);
const app = {
  words: {},
  checks: [],
  problems: [],
  saved: opened.state.saved,
  scans: [],
  scan: null,
  isWrong: (id) => app.problems.some((one) => one.of.includes(id)),
  problemsOf: (id) => app.problems.filter((one) => (id === null ? !one.of.length || model.document.checks.some((check) => one.of.includes(check.id)) : one.of.includes(id))).map((one) => one.text),
  readOf: (name) => app.scan?.reading?.fields?.find((one) => one.name === name) ?? null,
  name: (letter) => (model.one ? list.name(model.one.id, letter) : null),
  toForm: () => $("stage").focus(),
  drawTools,
  tryValue,
  readScan,
  closeScan,
  turn,
};
const list = new List($("list"), model, app);
const panel = new Panel($("panel"), model, app, opened);
const sheet = new Sheet($("stage"), model, app);

// --- what the server says

let waiting = 0;
let flight = Promise.resolve();
let told = model.document;

const draft = () => ({ window: opened.window, document: model.document });

function checkSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(checkNow, CHECKED_AFTER_MS);
}

// One call at a time, and each with all that was typed until it goes.
function checkNow() {
  clearTimeout(waiting);
  flight = flight.then(async () => {
    if (told === model.document) return;
    const sent = model.document;
    const state = await tried(() => post("check", draft()));
    if (!state) return;
    told = sent;
    if (sent === model.document) take(state);
  });
  return flight;
}

async function tried(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message, "bad");
    $("standing").textContent = "Not kept";
    return null;
  }
}

function take(state) {
  Object.assign(app, { problems: state.problems, words: state.words, checks: state.checks, saved: state.saved, drafted: state.drafted });
  draw();
  stand();
  // A scan that is looked at is read anew with each change that makes sense.
  if (app.scan?.isOld && !app.scan.busy && !app.problems.length) readScan();
}

function stand() {
  const wrong = app.problems.length;
  const parts = [app.saved ? "Saved" : app.drafted ? "Not saved; the draft is kept" : "Not saved yet"];
  if (wrong) parts.push(`${wrong} to put right`);
  $("standing").textContent = parts.join(" \u00B7 ");
  $("standing").classList.toggle("wrong", wrong > 0);
  $("file").textContent = opened.name;
  document.title = `${app.saved ? "" : "* "}${opened.name} - formreader`;
}

async function tryValue(field, value) {
  await checkNow();
  const answer = await tried(() => post("try", { ...draft(), field, value }));
  return answer?.broken;
}

async function save(over = false) {
  await checkNow();
  const sent = model.document;
  const answer = await tried(() => post("save", { ...draft(), over: over === true }));
  if (!answer) return;
  if (answer.changed) {
    const body = h("p", {}, `Another program changed ${opened.name} since it was opened here. Saving writes your template over it; the other one is kept beside it as ${opened.name}.bak.`);
    if ((await ask("The file was changed meanwhile", body, [["over", "Save over it"], ["", "Do not save"]])) === "over") await save(true);
    return;
  }
  told = sent;
  if (sent === model.document) take(answer.state);
  say(`Saved to ${opened.name}${answer.copies.length ? `; what was there is kept as ${answer.copies.join(", ")}` : ""}`);
}

// --- what is shown

function draw() {
  list.draw();
  sheet.draw();
  panel.draw();
  $("undo").disabled = !model.past.length;
  $("redo").disabled = !model.future.length;
}

function show() {
  const { form } = model.document;
  const [width, height] = [Number(form.width) || 2480, Number(form.height) || 3508];
  if (!app.scan) sheet.show({ src: model.page <= opened.pages ? `/api/picture?page=${model.page}` : "", width, height });
  else {
    const { number, page, reading } = app.scan;
    sheet.show({ src: reading?.width ? `/api/scan/picture?scan=${number}&page=${page}` : "", width: reading?.width ?? width, height: reading?.height ?? height, scan: app.scan });
  }
  drawSheets();
  drawTools();
}

function pages() {
  const many = Math.max(opened.pages, Number(model.document.form.pages) || 1, ...model.fields.map(pageOf));
  return Array.from({ length: Math.min(many, 500) }, (_, nth) => nth + 1);
}

function drawSheets() {
  const tab = (text, isShown, act) => h("button", { type: "button", "aria-pressed": String(isShown), onclick: act }, text);
  const ofForm = pages().map((page, _, all) => tab(all.length > 1 ? `Page ${page}` : "Form", !app.scan && model.page === page, () => openPage(page)));
  const ofScans = app.scans.map((scan) => tab(`${scan.name}${scan.reading?.refused ? " \u26A0" : scan.reading ? ` ${Math.round(100 * scan.reading.score)} %` : ""}`, app.scan === scan, () => openScan(scan)));
  $("sheets").replaceChildren(...ofForm, ...ofScans, h("button", { type: "button", id: "try", onclick: () => $("files").click() }, "Try scans..."));
}

function drawTools() {
  const tool = (name, text, disabled = false) => h("button", { type: "button", id: `tool-${name}`, "aria-pressed": String(sheet.tool === name), disabled, onclick: () => sheet.use(name) }, text);
  const zoom = [
    ["\u2212", "Zoom out", () => sheet.zoom(0.8)],
    ["+", "Zoom in", () => sheet.zoom(1.25)],
    ["Whole", "Show all of it", () => sheet.fit()],
  ].map(([text, title, act]) => h("button", { type: "button", "aria-label": title, title, onclick: act }, text));
  const drawing = app.scan ? [] : [tool("field", "New field"), tool("box", "Add box", !model.one)];
  const focused = document.activeElement?.id;
  $("tools").replaceChildren(...drawing, ...zoom);
  if (focused?.startsWith("tool-")) $(focused)?.focus();
  $("hint").textContent = sheet.tool ? DRAWING : HINT;
}

function openPage(page) {
  app.scan = null;
  model.page = page;
  if (model.one && pageOf(model.one) !== page) model.select([]);
  show();
  draw();
}

model.told((what) => {
  if (what === "document") {
    app.saved = false; // until the server says otherwise
    stand();
    checkSoon();
  }
  if (what === "selection" || what === "document") {
    if (app.scan && what === "document") app.scan.isOld = true;
    if (sheet.shownPage !== model.page || (what === "selection" && sheet.hadOne !== Boolean(model.one))) show();
    Object.assign(sheet, { shownPage: model.page, hadOne: Boolean(model.one) });
  }
  draw();
  if (what === "selection") {
    sheet.reveal();
    list.reveal();
    $("selected").textContent = spoken();
  }
});

function spoken() {
  const { one, ids, box } = model;
  if (!one) return ids.length ? `${ids.length} fields selected` : "Nothing selected";
  const place = boxesOf(one)[box ?? 0];
  const which = box === null ? `${one.name}, ${count(boxesOf(one).length, "box", "boxes")}` : `Box ${box + 1} of ${one.name}`;
  return `${which}${place ? `, at ${place[0]}, ${place[1]}` : ""}`;
}

// --- names

async function pasteNames() {
  const from = model.one;
  const area = h("textarea", { id: "pasted", rows: 12, spellcheck: false });
  const start = from ? `from '${from.name}' on` : "from the first field on";
  const body = h("div", {}, h("label", { for: "pasted" }, `Names, one a line; fields take them in reading order, ${start}`), area);
  if ((await ask("Paste names", body, [["take", "Name the fields"], ["", "Cancel"]])) !== "take") return;
  const names = area.value.split(/\r?\n/).map((one) => one.trim()).filter(Boolean);
  const taken = model.names(names);
  const left = names.length - taken;
  say(`${count(taken, "field")} named${left ? `; ${count(left, "name")} left over: there are no more fields` : ""}`);
}

// --- scans

async function addScans(files) {
  for (const file of files) {
    if (file.size > MOST_MB * 2 ** 20) {
      say(`${file.name}: too large; up to ${MOST_MB} MB can be tried here`, "bad");
      continue;
    }
    const got = await tried(() => send("scan", file, { name: file.name.slice(0, 300) || "scan" }));
    if (!got) continue;
    const scan = { id: `scan ${got.scan}`, number: got.scan, name: file.name, page: 1, pages: got.pages, reading: null };
    app.scans.push(scan);
    await openScan(scan);
  }
}

async function openScan(scan) {
  app.scan = scan;
  if (!scan.reading || scan.isOld) await readScan();
  else again();
}

function again() {
  panel.shown = "";
  show();
  draw();
}

async function readScan() {
  const { scan } = app;
  scan.busy = true;
  again();
  await checkNow();
  const reading = await tried(() => post("read", { ...draft(), scan: scan.number, page: scan.page }));
  Object.assign(scan, { busy: false, isOld: !reading, reading: reading ?? scan.reading });
  if (app.scan !== scan) return;
  again();
  if (reading) say(reading.refused ? `${scan.name}: not read` : `${scan.name}: ${count(reading.fields.length, "field")} read, ${reading.fields.filter((one) => one.reasons.length).length} flagged`);
}

function turn(by) {
  Object.assign(app.scan, { page: app.scan.page + by, reading: null });
  readScan();
}

function closeScan() {
  app.scans = app.scans.filter((one) => one !== app.scan);
  openPage(model.page);
}

const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  $("dropping").hidden = false;
});
document.addEventListener("dragleave", (event) => event.relatedTarget === null && ($("dropping").hidden = true));
document.addEventListener("drop", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  $("dropping").hidden = true;
  addScans([...event.dataTransfer.files]);
});
$("files").addEventListener("change", () => {
  addScans([...$("files").files]);
  $("files").value = "";
});

// --- the frame

function showKeys() {
  const rows = KEYS.map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, what)));
  return ask("Keys", h("table", { class: "keys" }, h("tbody", {}, rows)), [["ok", "Close"]]);
}

function stepped(by) {
  const done = by < 0 ? model.undo() : model.redo();
  if (!done) say(by < 0 ? "There is nothing to take back" : "There is nothing to do again");
  panel.shown = "";
  panel.draw();
}

async function dropDraft() {
  const body = h("p", {}, "All that was not saved is lost, but can be taken back with Undo as long as this page is open.");
  if ((await ask("Go back to the saved template?", body, [["drop", "Go back"], ["", "Cancel"]])) !== "drop") return;
  const answer = await tried(() => post("drop"));
  if (!answer) return;
  model.change(answer.document, { ids: [], box: null });
  told = model.document;
  take(answer.state);
  $("notes").replaceChildren();
}

function pressed(event) {
  if ($("dialog").open || event.isComposing) return;
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "F1") showKeys();
  else if (control && key === "s") save();
  else if (control && key === "z") stepped(event.shiftKey ? 1 : -1);
  else if (control && key === "y") stepped(1);
  else return;
  event.preventDefault();
}

$("undo").addEventListener("click", () => stepped(-1));
$("redo").addEventListener("click", () => stepped(1));
$("help").addEventListener("click", showKeys);
$("save").addEventListener("click", () => save());
$("names").addEventListener("click", pasteNames);
document.addEventListener("keydown", pressed);
document.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text") ?? "";
  if (event.target instanceof HTMLElement && event.target.matches(".field-name") && /\S\s*\n\s*\S/.test(text)) {
    event.preventDefault(); // several lines are names of several fields
    const taken = model.names(text.split(/\r?\n/).map((one) => one.trim()).filter(Boolean));
    say(`${count(taken, "field")} named`);
  }
});
window.addEventListener("beforeunload", (event) => {
  if ((!app.saved && app.drafted) || told !== model.document) event.preventDefault();
});
document.addEventListener("visibilitychange", () => document.hidden && checkNow());

for (const note of opened.notes) $("notes").append(h("span", { class: "note" }, note));
if (opened.notes.some((note) => note.includes("not saved last time"))) $("notes").append(h("button", { type: "button", onclick: dropDraft }, "Go back to the saved template"));
Object.assign(sheet, { shownPage: model.page, hadOne: false });
show();
take(opened.state);
$("stage").focus();
