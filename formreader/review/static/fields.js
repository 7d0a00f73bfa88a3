// Doubtful fields one at a time: the strip, digit under digit what it says, and why somebody should look.

import { h, inWords, percent } from "./dom.js";
import { named, OneByOne } from "./one.js";
import { Options } from "./options.js";

const LETTERS = ["a", "b", "c", "d"];
const UNREAD = "?";
const KINDS = { doubt: "In doubt", rule: "Breaks a rule" };

export async function open(app, place, [kind, reading, field]) {
  const left = app.now.fields ?? {};
  const first = app.undone[0] ?? (kind === "at" && reading ? [Number(reading), field] : null);
  const wanted = kind in KINDS ? kind : left.doubt || !left.rule ? "doubt" : "rule";
  const work = new Work(app, place, wanted, null);
  await work.start(first);
  return work;
}

class Work extends OneByOne {
  keys = [
    ["0 to 9", "what the marked box holds; go to the next"],
    ["1 to 9, letters", "of a choice: this option is marked, or not"],
    ["Enter", "save the value as it stands, go on to the next field"],
    ["Shift+Enter, Page Up", "back to the field before"],
    ["Page Down", "leave this field for later"],
    ["A to D", "take this suggestion (Alt+A to Alt+D in a plain line)"],
    ["Delete, Space", "nothing in this box; of a choice, Delete: nothing is marked"],
    ["?, U", "this box, all doubtful boxes cannot be read by anybody (Alt+U in a plain line)"],
    ["Arrows, Home, End", "go from box to box"],
    ["Escape", "the value as it was"],
    ["/", "type the value in a plain line, or box by box"],
    ["F2", "the whole page with the field marked"],
  ];

  draw() {
    const field = this.shown;
    if (!field) {
      const nothing = this.kind === "rule" ? "No field that breaks a rule is left." : "No doubtful field is left here.";
      const digits = this.digits ? "" : " Doubtful digits that can be judged by themselves are under Digits.";
      this.place.replaceChildren(h("div", { class: "work" }, h("h1", { class: "hidden" }, "Fields"), this.drawnBar(), h("p", { class: "empty panel" }, nothing + digits)));
      return;
    }
    this.options = field.options.length ? new Options(field, () => this.unsaid()) : null;
    this.original = this.spread(field.value);
    this.cells = this.original?.slice() ?? null;
    this.plain = this.cells === null;
    this.place.replaceChildren(
      h(
        "div",
        { class: "work one", onkeydown: (event) => this.takenBack(event) },
        this.drawnBar(),
        h(
          "section",
          { class: "panel field", "aria-label": field.field },
          h("header", {}, h("h1", {}, field.field), h("span", { class: "quiet" }, this.where()), h("span", { class: "why" }, this.drawnReasons())),
          this.drawnDecided(),
          (this.written = h("div", { class: "written" })),
          (this.told = h("p", { class: "told", role: "alert" })),
          this.drawnChecks(),
          (this.below = h("div", { class: "below" })),
        ),
      ),
    );
    this.drawWritten();
  }

  drawnBar() {
    const left = this.app.now.fields ?? {};
    const link = ([kind, title]) =>
      h("a", { href: `#/fields/${kind}`, class: left[kind] ? "" : "none", ...(kind === this.kind ? { "aria-current": "true" } : {}) }, h("b", {}, title), h("small", {}, (left[kind] ?? 0).toLocaleString("en")));
    const also = h("input", { type: "checkbox", id: "also", checked: this.digits, onchange: (event) => { this.digits = event.target.checked; this.restrict(this.only); } });
    return h(
      "div",
      { class: "group-bar" },
      h("div", { class: "chips", role: "navigation", "aria-label": "Why" }, Object.entries(KINDS).map(link)),
      this.drawnGroups(),
      h("div", { class: "chips" }, also, h("label", { for: "also", class: "quiet" }, "also those under Digits")),
    );
  }

  drawnReasons() {
    const { reasons, broken } = this.shown;
    const words = reasons.filter((reason) => reason !== "rule" || !broken.length).map(inWords);
    const rules = broken.map(([rule, severity]) => (severity === "warning" ? `unusual: ${rule}` : `breaks a rule: ${rule}`));
    return [...words, ...rules].map((word) => h("span", { class: "reason" }, word));
  }

  drawnChecks() {
    return this.shown.others.map(({ words, values }) =>
      h(
        "p",
        { class: "check" },
        h("span", { class: "quiet" }, `${words}: `),
        values.map(([name, value]) => h("span", { class: name === this.shown.field ? "own" : "" }, `${name} `, h("b", {}, named(value)))),
      ),
    );
  }

  drawnChoices() {
    const { choices } = this.shown;
    if (!choices.length) return null;
    const alt = () => (this.plain ? "Alt+" : "");
    const buttons = choices.map((value, nth) =>
      h("button", { type: "button", class: "choice", tabindex: "-1", onclick: () => this.choose(nth) }, h("kbd", {}, alt() + LETTERS[nth].toUpperCase()), " ", h("b", { class: "mono" }, value)),
    );
    return h("div", { class: "choices chips", role: "group", "aria-label": "Suggestions" }, h("span", { class: "quiet" }, "Perhaps"), buttons);
  }

  drawnActions() {
    const button = (text, key, act, kind = "") => h("button", { type: "button", class: kind, onclick: act }, text, " ", h("kbd", {}, key));
    return h(
      "div",
      { class: "actions", role: "toolbar", "aria-label": "This field" },
      button("Back", "PgUp", () => this.go(-1)),
      button("Later", "PgDn", () => this.go(1)),
      button("Cannot be read", this.plain ? "Alt+U" : "U", () => this.unreadable()),
      this.options && button("Nothing marked", "Del", () => this.options.clear()),
      button("Whole page", "F2", () => this.wholePage()),
      this.shown.one_by_one && button(this.plain ? "Box by box" : "Plain line", "/", () => this.turn()),
      button("Save", "Enter", () => this.confirm(), "first"),
    );
  }

  // The strip, and below it one cell for each box, or a plain line.
  drawWritten() {
    const { strip, field } = this.shown;
    const line = this.options ? this.options.draw() : this.cells && !this.plain ? this.drawnCells() : this.drawnLine();
    const board = h("div", { class: "board" }, this.drawnStrip(), line);
    if (strip) board.style.width = `${strip.width}px`;
    this.written.replaceChildren(board);
    this.below.replaceChildren(...[this.drawnChoices(), this.drawnActions()].filter(Boolean)); // a plain line has other keys
    this.written.setAttribute("aria-label", `${field} as written`);
    this.focus();
  }

  drawnCells() {
    const { boxes } = this.shown;
    this.inputs = boxes.map((box, nth) => {
      const input = h("input", {
        class: "cell", inputmode: "numeric", autocomplete: "off", maxlength: "2", tabindex: "-1", "aria-label": this.spoken(nth),
        onfocus: () => this.mark(nth), oninput: () => this.typed(nth),
      });
      return input;
    });
    this.marked = Math.max(0, boxes.findIndex((box) => this.doubtful(box)));
    const columns = boxes.map((box, nth) => {
      const [left, right] = box.span;
      const doubt = this.doubtful(box);
      const runners = box.runners.slice(0, 2).map(([mark, share]) => h("span", {}, h("b", {}, mark), ` ${percent(share)}`));
      const column = h("div", { class: doubt ? "column doubtful" : "column" }, h("span", { class: "sign", "aria-hidden": "true" }, doubt ? "\u25bc" : ""), this.inputs[nth], h("div", { class: "runners", "aria-hidden": "true" }, doubt ? runners : []));
      column.style.left = `${100 * left}%`;
      column.style.width = `${100 * (right - left)}%`;
      return column;
    });
    const most = Math.max(0, ...boxes.map((box) => (this.doubtful(box) ? Math.min(2, box.runners.length) : 0)));
    const cells = h("div", { class: `cells runners-${most}`, role: "group", "aria-label": "What the boxes hold, one after the other" }, columns);
    this.fill();
    return cells;
  }

  drawnLine() {
    const { field, boxes, holds } = this.shown;
    this.line = h("input", { class: "line mono", autocomplete: "off", spellcheck: "false", maxlength: holds === "digits" ? "100" : "500", "aria-label": `Value of ${field}`, oninput: () => this.unsaid() });
    this.line.defaultValue = this.line.value = this.cells ? this.joined() : this.shown.value;
    const doubts = boxes.filter((box) => this.doubtful(box) && box.runners.length);
    const runners = doubts.map((box) => h("span", {}, box.digit === UNREAD ? "? perhaps " : `${named(box.digit)} ${percent(box.confidence)}, perhaps `, box.runners.map(([mark, share]) => [h("b", {}, mark), ` ${percent(share)} `]).flat()));
    return h("div", { class: "plain" }, this.line, h("div", { class: "quiet" }, runners));
  }

  doubtful(box) {
    return box.mark === UNREAD || (box.mark === null && box.doubtful);
  }

  spoken(nth) {
    const box = this.shown.boxes[nth];
    const read = box.digit === UNREAD ? "not read" : box.digit === "" ? inWords(box.reason || "blank").replace("nothing written where a value is required", "blank") : `read as ${box.digit}, ${percent(box.confidence)} sure`;
    const perhaps = box.runners.length ? `, perhaps ${box.runners.map(([mark]) => mark).join(" or ")}` : "";
    return `Box ${nth + 1} of ${this.shown.boxes.length}, ${read}${perhaps}${this.doubtful(box) ? ", in doubt" : ""}`;
  }

  // Give each box its part of the value; null where that cannot be said.
  spread(value) {
    const { boxes, one_by_one } = this.shown;
    if (!one_by_one) return null;
    const marks = boxes.map((box) => (box.mark === null || box.mark === UNREAD ? box.digit : box.mark));
    if (this.joined(marks) === value) return marks;
    if (value === "") return boxes.map(() => ""); // all struck out, say, though one of them was not read for sure
    const digits = [...value.replace(".", "")];
    const written = marks.flatMap((mark, nth) => (mark ? [nth] : []));
    const fitting = digits.length === boxes.length ? boxes.map((_, nth) => nth) : digits.length === written.length ? written : null;
    if (!fitting) return null;
    const spread = boxes.map(() => "");
    digits.forEach((digit, nth) => (spread[fitting[nth]] = digit));
    return this.joined(spread) === value ? spread : null;
  }

  joined(cells = this.cells) {
    const { point } = this.shown;
    if (!point) return cells.join("");
    const right = cells.slice(point - 1).join("");
    return cells.slice(0, point - 1).join("") + (right ? `.${right}` : "");
  }

  get value() {
    if (this.options) return this.options.value;
    if (this.plain) return this.shown.holds === "digits" ? this.line.value.trim().replace(",", ".") : this.line.value.trim();
    return this.original && this.cells.join("|") === this.original.join("|") ? this.shown.value : this.joined();
  }

  fill() {
    this.cells.forEach((mark, nth) => {
      this.inputs[nth].value = this.inputs[nth].defaultValue = mark;
      this.inputs[nth].classList.toggle("changed", mark !== this.original?.[nth]);
    });
  }

  mark(nth) {
    const to = Math.min(Math.max(nth, 0), this.inputs.length - 1);
    this.inputs.forEach((input, at) => (input.tabIndex = at === to ? 0 : -1));
    this.marked = to;
    if (document.activeElement !== this.inputs[to]) this.inputs[to].focus();
    this.inputs[to].select();
  }

  focus() {
    if (!this.shown) return;
    if (this.options) this.options.focus();
    else if (this.plain) {
      this.line.focus();
      this.line.select();
    } else this.mark(this.marked);
  }

  put(mark, nth = this.marked) {
    this.cells[nth] = mark;
    this.fill();
    this.unsaid();
  }

  // What an on-screen keyboard wrote.
  typed(nth) {
    const mark = this.inputs[nth].value.slice(-1);
    this.put(/^[0-9?]$/.test(mark) ? mark : "", nth);
    if (mark) this.mark(nth + 1);
  }

  choose(nth) {
    const value = this.shown.choices[nth];
    if (value === undefined) return;
    const spread = this.plain ? null : this.spread(value);
    if (spread) {
      this.cells = spread;
      this.fill();
    } else {
      this.plain = true;
      this.drawWritten();
      this.line.value = value;
    }
    this.unsaid();
    this.focus();
  }

  turn() {
    const value = this.value;
    if (this.plain) {
      const spread = this.spread(value);
      if (!spread) return this.app.say("This value does not fit the boxes one by one");
      this.cells = spread;
      this.plain = false;
    } else this.plain = true;
    this.drawWritten();
    if (this.plain) this.line.value = value;
  }

  unreadable() {
    const boxes = this.shown.boxes;
    if (this.options) this.options.clear(true);
    else if (this.plain) this.line.value = UNREAD;
    else {
      const doubts = boxes.flatMap((box, nth) => (this.doubtful(box) ? [nth] : []));
      for (const nth of doubts.length ? doubts : [this.marked]) this.cells[nth] = UNREAD;
      this.fill();
    }
    this.told.textContent = "Kept as ? with Enter: what nobody can read is decided, and stays to be seen.";
    this.despite = true;
    this.focus();
  }

  unsaid() {
    this.despite = false;
    this.told.textContent = "";
  }

  refused(broken) {
    this.told.textContent = `${this.value || "Nothing"}: ${broken.join("; ")}. Enter again keeps it anyway.`;
    this.focus();
  }

  confirm() {
    return this.saveAndNext(this.value);
  }

  // Ctrl+Z takes back what was typed and not saved, before anything that was saved.
  takenBack(event) {
    if (this.plain || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.shiftKey) return;
    if (this.cells.join("|") === this.original.join("|")) return;
    event.preventDefault();
    event.stopPropagation();
    this.reset();
  }

  reset() {
    this.options?.reset();
    this.original = this.spread(this.shown.value);
    this.cells = this.original?.slice() ?? null;
    this.plain = this.cells === null;
    this.unsaid();
    this.drawWritten();
  }

  key(event) {
    if (!this.shown) return false;
    const { key, target } = event;
    const own = this.options?.buttons.includes(target) || target === this.line || this.inputs?.includes(target) || target === document.body || target.id === "screen";
    if (event.ctrlKey || event.metaKey) return false;
    const letter = /^Key[A-Z]$/.test(event.code) && event.altKey ? event.code.slice(3).toLowerCase() : key.toLowerCase();
    if (key === "F2") this.wholePage();
    else if (key === "PageUp" || (key === "Enter" && event.shiftKey)) this.go(-1);
    else if (key === "PageDown") this.go(1);
    else if (event.altKey && LETTERS.includes(letter)) this.choose(LETTERS.indexOf(letter));
    else if (event.altKey && letter === "u") this.unreadable();
    else if (!own || event.altKey) return false;
    else if (key === "Enter") this.confirm();
    else if (key === "Escape") this.reset();
    else if (this.options) return this.options.key(key);
    else if (key === "/") this.turn();
    else return this.plain ? false : this.inCells(key, letter);
    return true;
  }

  inCells(key, letter) {
    const to = { ArrowRight: this.marked + 1, ArrowLeft: this.marked - 1, Home: 0, End: this.inputs.length - 1 }[key];
    if (to !== undefined) this.mark(to);
    else if (/^[0-9?]$/.test(key)) {
      this.put(key);
      this.mark(this.marked + 1);
    } else if (key === " " || key === "Delete") {
      this.put("");
      this.mark(this.marked + (key === " " ? 1 : 0));
    } else if (key === "Backspace") {
      if (this.cells[this.marked] === "") this.mark(this.marked - 1);
      this.put("");
      this.mark(this.marked);
    } else if (LETTERS.includes(letter)) this.choose(LETTERS.indexOf(letter));
    else if (letter === "u") this.unreadable();
    else return key.length === 1; // no other letter gets into a cell
    return true;
  }
}
