// The frame around the screens: tabs, progress, who decides, undo, keys, and what is said at the bottom.

import { get, post, Refusal } from "./api.js";
import { ask, say } from "./dialog.js";
import { count, h } from "./dom.js";

const SCREENS = {
  digits: { title: "Digits", module: () => import("./digits.js"), left: (now) => sum(now.boxes) },
  fields: { title: "Fields", module: () => import("./fields.js"), left: (now) => now.fields && now.fields.doubt + now.fields.rule },
  keys: { title: "Keyed fields", module: () => import("./keys.js"), left: (now) => now.fields?.key ?? 0, when: (now) => now.fields?.keyed > 0 },
  pages: { title: "Pages", module: () => import("./failed.js"), left: (now) => now.pages },
  table: { title: "Table", module: () => import("./table.js") },
  // Who keys blind has these screens and no other.
  second: { title: "Second key", blind: true, module: () => import("./blind.js").then((one) => one.second), left: (now) => now.blind.left, when: (now) => now.second_key },
  third: { title: "Third look", blind: true, module: () => import("./blind.js").then((one) => one.third), left: (now) => now.blind.differing, when: (now) => now.second_key },
  audit: { title: "Audit", blind: true, module: () => import("./blind.js").then((one) => one.audit), left: (now) => now.blind.left, when: (now) => now.audit !== null },
};

const KEYS = [
  ["Ctrl+Z", "take back the last thing, also after a reload"],
  ["Alt+1, Alt+2, ...", "go to a screen"],
  ["F1", "show the keys"],
];

const $ = (id) => document.getElementById(id);
const sum = (counts) => Object.values(counts ?? {}).reduce((a, b) => a + b, 0);

// What a screen gets: it opens with open(app, place, rest) and gives { key, left, keys }.
const app = {
  now: {},
  undone: [],
  get: (path, asked) => tried(() => get(path, asked)),
  post: (path, said) => tried(() => post(path, said)),
  say,
  ask,
  refresh,
  busy,
  go: (hash) => (location.hash = hash),
};

const TWICE_MS = 400;

let screen = null;
let entered = -Infinity;
let opening = 0;

async function tried(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) {
      await askName();
      return tried(call);
    }
    say(error.message, "bad");
    throw error;
  }
}

async function askName() {
  const me = await get("me");
  const input = h("input", { id: "name", name: "name", autocomplete: "off", maxLength: 60, required: true });
  input.value = me.name || me.suggested;
  const body = h(
    "div",
    {},
    h("p", {}, "Your name is kept with every decision, so that it can be traced."),
    h("label", { for: "name" }, "Your name"),
    input,
  );
  for (;;) {
    const answer = await ask("Who decides?", body, [["ok", "Go on"]]);
    if (answer === "ok" && input.value.trim()) break;
    if (me.name) return;
  }
  const named = await post("me", { name: input.value });
  app.now.who = $("me").textContent = named.name;
}

async function refresh() {
  app.now = await app.get("standing");
  $("batch").textContent = app.now.name;
  $("me").textContent = app.now.who;
  document.title = `Review of ${app.now.name} - formreader`;
  drawTabs();
  drawProgress();
}

function shownScreens() {
  const blind = app.now.second_key || app.now.audit !== null;
  return Object.entries(SCREENS).filter(([, one]) => Boolean(one.blind) === blind && (!one.when || one.when(app.now)));
}

function drawTabs() {
  const current = location.hash.slice(2).split("/")[0];
  const tabs = shownScreens().map(([name, one], nth) => {
    const left = one.left ? one.left(app.now) : null;
    const badge = left === null ? null : h("span", { class: left ? "badge" : "badge done" }, left.toLocaleString("en"));
    const here = name === current ? { "aria-current": "page" } : {};
    return h("a", { href: `#/${name}`, title: `Alt+${nth + 1}`, ...here }, one.title, badge);
  });
  $("tabs").replaceChildren(...tabs);
}

function drawProgress() {
  const left = shownScreens().reduce((all, [, one]) => all + (one.left ? one.left(app.now) : 0), 0);
  const pace = app.now.a_minute;
  const parts = [left ? `${left.toLocaleString("en")} left` : "Nothing left to check"];
  if (pace && left) parts.push(`${Math.round(pace)} a minute`, `about ${count(Math.max(1, Math.round(left / pace)), "minute")} to go`);
  $("progress").replaceChildren(...parts.map((part) => h("span", {}, part)));
  for (const note of app.now.notes ?? []) $("progress").append(h("span", { class: "note" }, note));
}

async function undo() {
  if (screen?.undo) return screen.undo();
  const undone = await app.post("undo");
  const kept = undone.kept ? `; ${count(undone.kept, "decision")} stayed, as another person decided since` : "";
  say(undone.how ? `Taken back${kept}` : "There is nothing of yours to take back");
  app.undone = undone.places ?? []; // a screen that shows one thing at a time opens on this
  await show();
  app.undone = [];
}

function showKeys() {
  const rows = [...(screen?.keys ?? []), ...KEYS].map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, what)));
  return ask("Keys", h("table", { class: "keys" }, h("tbody", {}, rows)), [["ok", "Close"]]);
}

function busy(now) {
  $("screen").setAttribute("aria-busy", String(now));
}

// What cannot be opened was said at the bottom; the page must not wait for it for ever.
async function show() {
  const turn = ++opening;
  busy(true);
  try {
    await opens(turn);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  } finally {
    if (turn === opening) busy(false);
  }
}

async function opens(turn) {
  await refresh();
  const [name, ...rest] = location.hash.slice(2).split("/").map(decodeURIComponent);
  const known = shownScreens().map(([one]) => one);
  if (!known.includes(name)) {
    location.replace(`#/${known[0]}`);
    return;
  }
  const module = await SCREENS[name].module();
  if (turn !== opening) return;
  screen?.left?.();
  screen = null;
  // A screen that is left while it opens goes on drawing, in a place that is no longer shown.
  const place = h("div", { class: "place" });
  $("screen").replaceChildren(place);
  const opened = await module.open(app, place, rest);
  if (turn !== opening) return opened?.left?.();
  screen = opened;
}

function pressed(event) {
  const isAgain = event.key === "Enter" && (event.repeat || event.timeStamp - entered < TWICE_MS);
  entered = -Infinity;
  if ($("dialog").open || event.isComposing) return;
  if (isAgain) return event.preventDefault(); // held down or tapped twice, it would confirm unseen what comes next
  const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  const screens = shownScreens();
  if (event.altKey && event.key >= "1" && event.key <= String(screens.length)) app.go(`#/${screens[Number(event.key) - 1][0]}`);
  else if (event.key === "F1") showKeys();
  else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
    if (typing && event.target.value !== event.target.defaultValue) return; // the browser's own undo, of what is not saved
    undo();
  } else if (!screen?.key?.(event)) return;
  else if (event.key === "Enter") entered = event.timeStamp;
  event.preventDefault();
}

$("undo").addEventListener("click", undo);
$("help").addEventListener("click", showKeys);
$("me").addEventListener("click", async () => (await askName(), show()));
document.addEventListener("keydown", pressed);
document.addEventListener("input", () => (entered = -Infinity));
window.addEventListener("hashchange", show);
if (!(await get("me")).name) await askName();
await show();
