// Names and free text, keyed from their strips: one field over all pages, then the next.

import { h } from "./dom.js";
import { OneByOne } from "./one.js";

const WAITS_MS = 80;

export async function open(app, place, [at, reading, field]) {
  const work = new Work(app, place, "key", null);
  await work.start(app.undone[0] ?? (at === "at" && reading ? [Number(reading), field] : null));
  return work;
}

class Work extends OneByOne {
  keys = [
    ["Enter, Tab", "save, go on to the next"],
    ["Shift+Enter, Shift+Tab, Page Up", "back to the field before"],
    ["Page Down", "leave this field for later"],
    ["Alt+U", "cannot be read by anybody"],
    ["Escape", "out of the line: Tab then goes to the buttons"],
    ["F2", "the whole page with the field marked"],
  ];

  draw() {
    const field = this.shown;
    if (!field) {
      this.place.replaceChildren(h("div", { class: "work" }, h("h1", { class: "hidden" }, "Keyed fields"), this.drawnGroupsBar(), h("p", { class: "empty panel" }, "No field is left to be keyed.")));
      return;
    }
    this.known = h("datalist", { id: "known" });
    this.line = h("input", { class: "line", list: "known", autocomplete: "off", spellcheck: "false", maxlength: "500", "aria-label": `${field.field}, as written`, "aria-describedby": "key-hint", oninput: () => this.typed() });
    this.line.value = this.line.defaultValue = field.value;
    const button = (text, key, act, kind = "") => h("button", { type: "button", class: kind, onclick: act }, text, " ", h("kbd", {}, key));
    const board = h("div", { class: "board keyed" }, this.drawnStrip(), h("div", { class: "plain" }, this.line, this.known));
    if (field.strip) board.style.width = `${Math.max(field.strip.width, 420)}px`;
    this.place.replaceChildren(
      h(
        "div",
        { class: "work one" },
        this.drawnGroupsBar(),
        h(
          "section",
          { class: "panel field", "aria-label": field.field },
          h("header", {}, h("h1", {}, field.field), h("span", { class: "quiet" }, this.where())),
          this.drawnDecided(),
          h("div", { class: "written" }, board),
          (this.told = h("p", { class: "told", role: "alert" })),
          h("p", { class: "quiet", id: "key-hint" }, "Enter or Tab saves and goes on; Escape leaves the line. Nothing typed: nothing is written there."),
          h(
            "div",
            { class: "actions", role: "toolbar", "aria-label": "This field" },
            button("Back", "Shift+Tab", () => this.go(-1)),
            button("Later", "PgDn", () => this.go(1)),
            button("Cannot be read", "Alt+U", () => this.saveAndNext("?", true)),
            button("Whole page", "F2", () => this.wholePage()),
            button("Save", "Enter", () => this.confirm(), "first"),
          ),
        ),
      ),
    );
    this.complete();
    this.focus();
  }

  drawnGroupsBar() {
    return h("div", { class: "group-bar" }, this.drawnGroups());
  }

  focus() {
    this.line?.focus();
    this.line?.select();
  }

  typed() {
    this.told.textContent = "";
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.complete(), WAITS_MS);
  }

  // What was keyed for this field before and begins as typed, most frequent first.
  async complete() {
    const { line, known, shown } = this;
    const { texts } = await this.app.get("completions", { field: shown.field, start: line.value });
    if (known.isConnected) known.replaceChildren(...texts.map((value) => h("option", { value })));
  }

  refused(broken) {
    this.told.textContent = `${broken.join("; ")}. Enter again keeps it anyway.`;
    this.focus();
  }

  confirm() {
    return this.saveAndNext(this.line.value);
  }

  key(event) {
    if (!this.shown || event.ctrlKey || event.metaKey) return false;
    const inLine = event.target === this.line;
    const { key } = event;
    if (key === "F2") this.wholePage();
    else if (key === "PageUp" || (inLine && event.shiftKey && (key === "Enter" || key === "Tab"))) this.go(-1);
    else if (key === "PageDown") this.go(1);
    else if (event.altKey && event.code === "KeyU") this.saveAndNext("?", true);
    else if (inLine && !event.altKey && (key === "Enter" || key === "Tab")) this.confirm();
    else if (inLine && key === "Escape") this.place.querySelector(".actions .first").focus();
    else return false;
    return true;
  }

  left() {
    clearTimeout(this.waiting);
  }
}
