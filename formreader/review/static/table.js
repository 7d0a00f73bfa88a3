// All results as a grid: only the rows in view are fetched and drawn. A cell opens its strip and an editor beside it.

import { count, h, inWords, percent } from "./dom.js";

const ROW = 34;
const CHUNK = 60;
const KEPT_CHUNKS = 40;
const SIGNS = { flagged: "\u26A0", decided: "\u2713" };
const STATES = { read: "read", review: "to check", checked: "checked", failed: "failed", skipped: "skipped", duplicate: "duplicate" };
const HEAD = ["scan", "page", "status"];

export async function open(app, place, [form]) {
  const screen = new Grid(app, place, form ?? "");
  await screen.begin();
  return screen;
}

class Grid {
  keys = [
    ["Arrows, Page Up, Page Down", "go from cell to cell"],
    ["Ctrl+Home, Ctrl+End", "the first, the last page"],
    ["Enter, F2", "see the cell on its page, and change it"],
    ["Enter while typing", "save and go to the cell below"],
    ["Escape", "leave the cell as it is"],
    ["/ or Ctrl+F", "find a scan by name, or a value in any field"],
  ];

  constructor(app, place, form) {
    const kept = JSON.parse(sessionStorage.getItem("formreader.table") ?? "{}");
    const wanted = { form, sort: "scan", down: false, status: "", flagged: false, text: "", ...(kept.form === form ? kept : {}) };
    Object.assign(this, { app, place, wanted, chunks: new Map(), columns: [], count: 0, at: [0, 0], turn: 0, editing: null });
    this.resized = () => this.drawRows();
    window.addEventListener("resize", this.resized);
  }

  left() {
    window.removeEventListener("resize", this.resized);
    clearTimeout(this.waiting);
  }

  async begin() {
    this.place.replaceChildren(
      h("section", { class: "table" }, h("h1", { class: "hidden" }, "All results"), this.drawnBar(), h("div", { class: "grid-and-cell" }, this.drawnGrid(), (this.panel = h("aside", { class: "cell-panel panel", "aria-label": "The cell" })))),
    );
    this.panel.hidden = true;
    await this.renew();
    this.focusCell(false);
  }

  drawnBar() {
    this.search = h("input", { type: "search", id: "find", placeholder: "Find a scan or a value", autocomplete: "off", maxLength: 200, "aria-keyshortcuts": "/ Control+F" });
    this.search.value = this.wanted.text;
    this.search.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.want({ text: this.search.value }), 250);
    });
    this.status = h("select", { id: "status", onchange: () => this.want({ status: this.status.value }) });
    this.flagged = h("input", { type: "checkbox", id: "flagged", onchange: () => this.want({ flagged: this.flagged.checked }) });
    this.flagged.checked = this.wanted.flagged;
    this.found = h("p", { class: "quiet", role: "status" });
    const forms = this.app.now.forms ?? [];
    const choose =
      forms.length > 1 &&
      h(
        "select",
        { id: "table-form", onchange: (event) => this.app.go(event.target.value ? `#/table/${encodeURIComponent(event.target.value)}` : "#/table") },
        h("option", { value: "" }, "all pages"),
        forms.map((form) => h("option", { value: form, selected: form === this.wanted.form }, form)),
      );
    return h(
      "div",
      { class: "table-bar", role: "search" },
      h("label", { for: "find", class: "hidden" }, "Find a scan by its name, or a value in any field"),
      this.search,
      choose && h("label", { for: "table-form" }, "Form"),
      choose,
      h("label", { for: "status" }, "Status"),
      this.status,
      h("span", { class: "tick" }, this.flagged, h("label", { for: "flagged" }, "Only with something to check")),
      this.found,
    );
  }

  drawnGrid() {
    this.header = h("div", { class: "row header", role: "row", "aria-rowindex": "1" });
    this.body = h("div", { class: "rows", role: "rowgroup" });
    this.grid = h("div", { class: "grid", role: "grid", "aria-label": "Results", "aria-multiselectable": "false", tabIndex: -1 }, h("div", { role: "rowgroup", class: "head" }, this.header), this.body);
    this.grid.addEventListener("scroll", () => this.drawRows(), { passive: true });
    this.body.addEventListener("click", (event) => {
      const cell = event.target.closest("[role=gridcell]");
      if (!cell) return;
      this.go(Number(cell.dataset.row), Number(cell.dataset.column));
      this.openCell();
    });
    return this.grid;
  }

  async want(change) {
    Object.assign(this.wanted, change);
    sessionStorage.setItem("formreader.table", JSON.stringify(this.wanted));
    await this.renew();
    this.grid.scrollTop = 0;
    this.at = [0, this.at[1]];
    this.drawRows();
  }

  // Ask anew: another order, other rows, or something was changed.
  async renew(around = 0) {
    this.turn += 1;
    const turn = this.turn;
    const first = Math.floor(around / CHUNK);
    this.grid.setAttribute("aria-busy", "true");
    const answer = await this.app.get("table", { ...this.wanted, skip: first * CHUNK, most: CHUNK });
    if (turn !== this.turn) return;
    this.grid.setAttribute("aria-busy", "false");
    this.chunks = new Map([[first, answer.rows]]);
    this.count = answer.count;
    this.columns = [...HEAD, ...answer.columns];
    const all = Object.values(answer.states).reduce((a, b) => a + b, 0);
    this.found.textContent = answer.count === all ? count(all, "page") : `${answer.count.toLocaleString("en")} of ${count(all, "page")}`;
    const options = Object.entries(answer.states).filter(([state, pages]) => pages || state === this.wanted.status);
    this.status.replaceChildren(
      h("option", { value: "" }, "any"),
      ...options.map(([state, pages]) => h("option", { value: state, selected: state === this.wanted.status }, `${STATES[state]} (${pages.toLocaleString("en")})`)),
    );
    this.grid.setAttribute("aria-rowcount", String(this.count + 1));
    this.grid.setAttribute("aria-colcount", String(this.columns.length));
    const widths = [14, 5, 7.5, ...answer.columns.map((name) => Math.max(7.5, Math.min(18, 0.6 * name.length + 2.5)))];
    this.grid.style.setProperty("--columns", widths.map((width) => `minmax(${width}rem, ${width}fr)`).join(" "));
    this.grid.style.setProperty("--width", `${widths.reduce((all, width) => all + width, 0)}rem`);
    this.drawHeader();
    this.drawRows();
  }

  drawHeader() {
    const cells = this.columns.map((name, nth) => {
      const sort = nth < HEAD.length ? name : `field:${name}`;
      const here = this.wanted.sort === sort;
      const sign = here ? (this.wanted.down ? " \u25BC" : " \u25B2") : "";
      return h(
        "div",
        { role: "columnheader", "aria-colindex": String(nth + 1), "aria-sort": here ? (this.wanted.down ? "descending" : "ascending") : "none" },
        h("button", { type: "button", title: `Sort by ${name}`, onclick: () => this.want({ sort, down: here && !this.wanted.down }) }, name, h("span", { "aria-hidden": "true" }, sign)),
      );
    });
    this.header.replaceChildren(...cells);
  }

  row(nth) {
    return this.chunks.get(Math.floor(nth / CHUNK))?.[nth % CHUNK];
  }

  async fetchChunk(chunk) {
    if (this.chunks.has(chunk)) return;
    this.chunks.set(chunk, []);
    const turn = this.turn;
    try {
      const answer = await this.app.get("table", { ...this.wanted, skip: chunk * CHUNK, most: CHUNK });
      if (turn !== this.turn) return;
      this.chunks.set(chunk, answer.rows);
      for (const old of [...this.chunks.keys()].slice(0, Math.max(0, this.chunks.size - KEPT_CHUNKS))) this.chunks.delete(old);
      this.drawRows();
    } catch {
      this.chunks.delete(chunk); // said at the bottom
    }
  }

  get inView() {
    const first = Math.max(0, Math.floor(this.grid.scrollTop / ROW) - 8);
    return [first, Math.min(this.count, first + Math.ceil(this.grid.clientHeight / ROW) + 16)];
  }

  drawRows() {
    if (!this.grid.isConnected) return;
    const [first, end] = this.inView;
    for (let chunk = Math.floor(first / CHUNK); chunk * CHUNK < end; chunk += 1) this.fetchChunk(chunk);
    const hadFocus = this.body.contains(document.activeElement);
    this.body.style.height = `${this.count * ROW}px`;
    const rows = [];
    for (let nth = first; nth < end; nth += 1) rows.push(this.drawnRow(nth));
    this.body.replaceChildren(...rows);
    if (!this.count) this.body.append(h("p", { class: "nothing" }, "No page is like that."));
    if (hadFocus) this.focusCell(false);
  }

  drawnRow(nth) {
    const row = this.row(nth);
    const texts = row ? [[row.scan, ""], [String(row.page), ""], [STATES[row.status], `state-${row.status}`], ...row.cells] : [];
    const cells = this.columns.map((name, column) => {
      const [text, state] = texts[column] ?? ["", "none"];
      const here = this.at[0] === nth && this.at[1] === column;
      const sign = SIGNS[state];
      const spoken = { flagged: ", to check", decided: ", checked by a person" }[state];
      return h(
        "div",
        { role: "gridcell", class: `grid-cell ${state} ${column < HEAD.length ? "" : "value"}`, "aria-colindex": String(column + 1), tabIndex: here ? 0 : -1, "data-row": String(nth), "data-column": String(column), "aria-selected": String(here), title: column === 0 ? text : (column === 2 && row?.reason) || null },
        sign && h("span", { class: "sign", "aria-hidden": "true" }, sign),
        h("span", { class: "text" }, text),
        spoken && h("span", { class: "hidden" }, spoken),
      );
    });
    const element = h("div", { class: "row", role: "row", "aria-rowindex": String(nth + 2) }, cells);
    element.style.transform = `translateY(${nth * ROW}px)`;
    return element;
  }

  go(row, column) {
    this.at = [Math.max(0, Math.min(this.count - 1, row)), Math.max(0, Math.min(this.columns.length - 1, column))];
    const head = this.header.offsetHeight;
    const top = this.at[0] * ROW;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top + ROW + head > this.grid.scrollTop + this.grid.clientHeight) this.grid.scrollTop = top + ROW + head - this.grid.clientHeight;
    this.drawRows();
    this.focusCell(true);
  }

  focusCell(scroll) {
    const cell = this.body.querySelector("[aria-selected=true]");
    cell?.focus({ preventScroll: true });
    if (scroll) cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  async openCell() {
    const [nth, column] = this.at;
    const row = this.row(nth);
    if (!row) return;
    if (row.status === "failed") {
      this.app.go(`#/pages/${row.reading}`);
      return;
    }
    const name = this.columns[column];
    if (column < HEAD.length || !row.cells.length || row.cells[column - HEAD.length][1] === "none") return this.about(row);
    const turn = (this.opening = (this.opening ?? 0) + 1);
    const cell = await this.app.get("cell", { reading: row.reading, field: name });
    if (turn === this.opening) this.drawCell(row, name, cell);
  }

  // Why a page has no values; what a person called no form, or set aside, can be brought back.
  async about(row) {
    if (row.sorted) {
      const chosen = await this.app.ask(row.scan, h("p", {}, `Skipped: ${row.reason}.`), [["leave", "Leave it so"], ["back", "Bring it back"]]);
      if (chosen !== "back") return this.focusCell(true);
      const answer = await this.app.post("failure/bring-back", { reading: row.reading, seen: row.sorted });
      this.app.say(answer.saved ? `${row.scan} is as it was before` : "Another person changed it meanwhile");
      await this.below(0);
    } else if (row.reason) this.app.say(`${row.scan}: ${row.reason}`);
  }

  // A sheet that was scanned twice, or does not belong to this batch: nothing of it is deleted.
  async setAside(row) {
    const words = "It was read. If it does not belong here, such as a sheet that was scanned twice, its values can leave the tables. Nothing is deleted: it can be brought back here, or with Ctrl+Z.";
    const title = `${row.scan}${row.page > 1 ? `, page ${row.page}` : ""}`;
    const chosen = await this.app.ask(title, h("p", {}, words), [["leave", "Leave it"], ["aside", "Set it aside"]]);
    if (chosen !== "aside") return this.input.focus();
    const answer = await this.app.post("page/set-aside", { reading: row.reading, seen: row.seen });
    this.app.say(answer.saved ? `${row.scan} is set aside` : "Another person changed it meanwhile");
    await this.below(0);
  }

  drawCell(row, name, cell) {
    this.editing = { row, name, cell };
    const address = `/api/strip?${new URLSearchParams({ reading: row.reading, field: name })}`;
    const strip = h("img", { class: "cell-strip", src: address, alt: `${name} on ${row.scan}, cut from the page` });
    strip.addEventListener("error", async () => {
      const response = await fetch(address).catch(() => null);
      const said = await response?.json().catch(() => ({}));
      strip.replaceWith(h("p", { class: "quiet" }, said?.error ?? "There is no picture of this field."));
    });
    this.input = h("input", { id: "value", autocomplete: "off", spellcheck: "false", maxLength: 500, "aria-describedby": "cell-why" });
    this.input.value = this.input.defaultValue = cell.value;
    const why = [...cell.reasons.map(inWords), ...cell.broken];
    const suggest = cell.suggestion && h("button", { type: "button", onclick: () => ((this.input.value = cell.suggestion), this.input.focus()) }, `Perhaps ${cell.suggestion}`);
    this.panel.replaceChildren(
      h("h2", {}, name),
      h("p", { class: "quiet" }, `${row.scan}${row.page > 1 ? `, page ${row.page}` : ""}`),
      strip,
      h("label", { for: "value" }, "Value"),
      this.input,
      h("div", { id: "cell-why" }, why.map((words) => h("p", {}, h("span", { class: "reason" }, words)))),
      cell.by ? h("p", { class: "quiet" }, `Decided by ${cell.by}, ${new Date(cell.at).toLocaleString()}`) : h("p", { class: "quiet" }, cell.confidence ? `Read with ${percent(cell.confidence)} confidence` : "Not read by the program"),
      h(
        "div",
        { class: "chips" },
        h("button", { type: "button", class: "first", onclick: () => this.save() }, "Save"),
        suggest,
        h("button", { type: "button", onclick: () => this.close() }, "Leave"),
        h("button", { type: "button", onclick: () => this.setAside(row) }, "Set this page aside..."),
      ),
    );
    this.panel.hidden = false;
    this.drawRows();
    this.input.focus();
    this.input.select();
  }

  close() {
    this.editing = null;
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.drawRows();
    this.focusCell(true);
  }

  async save(despite = false) {
    const { row, name, cell } = this.editing;
    const said = { reading: row.reading, field: name, seen: cell.seen, new: this.input.value.trim(), despite };
    const answer = await this.app.post("decide", { fields: [said] });
    if (answer.refused.length) {
      const words = answer.refused[0].broken;
      const chosen = await this.app.ask("This value breaks a rule", h("ul", {}, words.map((one) => h("li", {}, one))), [["back", "Look again"], ["despite", "Save as written"]]);
      return chosen === "despite" ? this.save(true) : this.input.focus();
    }
    if (answer.conflicts.length) return this.resolve(answer.conflicts[0]);
    this.app.say(`${name} of ${row.scan} saved`);
    await this.below();
  }

  // Another person decided this field since it was shown: both values, and the choice.
  async resolve(conflict) {
    const theirs = conflict.theirs === null ? "nothing any more" : conflict.theirs || "an empty value";
    const body = h("p", {}, `${conflict.who || "Somebody"} decided meanwhile: `, h("b", {}, theirs), ". You: ", h("b", {}, conflict.mine || "an empty value"), ".");
    const chosen = await this.app.ask("Decided by another person meanwhile", body, [["theirs", "Keep theirs"], ["mine", "Take mine"]]);
    if (chosen === "mine") {
      this.editing.cell.seen = conflict.version;
      return this.save();
    }
    await this.below(0);
  }

  async below(step = 1) {
    const [row, column] = this.at;
    const scrolled = this.grid.scrollTop;
    this.editing = null;
    this.panel.hidden = true;
    await this.app.refresh();
    await this.renew(row);
    this.grid.scrollTop = scrolled;
    this.go(row + step, column);
  }

  key(event) {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "f") {
      this.search.focus();
      this.search.select();
      return true;
    }
    if (event.target === this.input && this.editing) return this.keyInCell(event);
    if (event.target === this.search) return this.keyInSearch(event);
    if (typing || event.altKey) return false;
    if (event.key === "/") {
      this.search.focus();
      this.search.select();
      return true;
    }
    if (event.key === "Escape" && this.editing) {
      this.close();
      return true;
    }
    if (event.target instanceof HTMLElement && event.target.matches("button, a")) return false;
    return this.keyInGrid(event);
  }

  keyInCell(event) {
    if (event.key === "Enter") this.save();
    else if (event.key === "Escape") this.close();
    else return false;
    return true;
  }

  keyInSearch(event) {
    if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.want({ text: "" });
    } else if (event.key === "Enter" || event.key === "ArrowDown" || event.key === "Escape") this.focusCell(true);
    else return false;
    return true;
  }

  keyInGrid(event) {
    const [row, column] = this.at;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const far = event.ctrlKey || event.metaKey;
    const to = {
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      PageDown: [row + page, column],
      PageUp: [row - page, column],
      Home: [far ? 0 : row, far ? column : 0],
      End: [far ? this.count - 1 : row, far ? column : this.columns.length - 1],
    }[event.key];
    if (to) this.go(...to);
    else if ((event.key === "Enter" || event.key === "F2") && !far) this.openCell();
    else return false;
    return true;
  }
}
