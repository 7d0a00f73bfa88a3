// Doubtful digits, those read alike together: typing puts one right, Enter confirms all that are shown.

import { count, h, percent } from "./dom.js";

const GROUPS = [..."0123456789", "?", "-"];
const NAMES = { "?": "unread", "-": "struck" };
const NEW = { "": "\u2205", "?": "?" }; // how a correction that is no digit is drawn
const SPOKEN = { "": "no digit", "?": "to be seen in its field" };
const CELL = { width: 100, height: 122 };
const KEPT = "formreader.digits";

export async function open(app, place, [mark, rival]) {
  const group = GROUPS.includes(mark) ? mark : fullest(app.now.boxes);
  const pair = rival && rival !== group && /^\d$/.test(rival) && /^\d$/.test(group) ? rival : "";
  const work = new Work(app, place, group, pair);
  await work.next();
  return work;
}

function fullest(open) {
  return GROUPS.filter((mark) => open[mark]).sort((a, b) => open[b] - open[a])[0] ?? "0";
}

// What was typed and not confirmed yet outlives a reload of the page.
function typed(batch) {
  return JSON.parse(sessionStorage.getItem(`${KEPT}.${batch}`) ?? "{}");
}

class Work {
  keys = [
    ["0 to 9", "the marked box holds this digit; go to the next"],
    ["Enter", "everything shown is right as it now stands"],
    ["Space", "unsure: look at it in its field"],
    ["Delete", "no digit: nothing, or struck out"],
    ["Backspace, Escape", "take back what was typed for this box"],
    ["Arrows, Home, End", "go from box to box; so does the mouse, moved over them"],
    ["Page Up, Page Down", "the group before, the next"],
  ];

  constructor(app, place, group, pair) {
    Object.assign(this, { app, place, group, pair, boxes: [], changed: typed(app.now.batch), at: 0, coming: null, open: app.now.boxes, busy: false });
    this.looked = new Set();
    this.watcher = new IntersectionObserver((entries) => this.saw(entries), { threshold: 0.7 });
  }

  keep() {
    sessionStorage.setItem(`${KEPT}.${this.app.now.batch}`, JSON.stringify(this.changed));
  }

  saw(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting) this.looked.add(target);
  }

  get room() {
    const wide = Math.max(1, Math.floor((this.place.clientWidth - 32) / CELL.width));
    const high = Math.max(1, Math.floor((window.innerHeight - 250) / CELL.height));
    return Math.min(150, wide * high);
  }

  ask(skip, marks, rivals, most) {
    return this.app.get("group", { marks, rivals, most, skip: skip.map((box) => box.picture).join(",") });
  }

  // Give the next boxes: those asked for while the last ones were looked at, if there were any.
  async fetched(skip = []) {
    if (!this.pair) return this.ask(skip, this.group, "", this.room);
    const half = Math.max(4, Math.floor(this.room / 2));
    const [one, other] = await Promise.all([
      this.ask(skip, this.group, this.pair, half),
      this.ask(skip, this.pair, this.group, half),
    ]);
    return { boxes: [...one.boxes, ...other.boxes] };
  }

  async next() {
    const found = await (this.coming ?? this.fetched());
    this.coming = null;
    this.boxes = found.boxes;
    this.open = this.app.now.boxes; // what was found may be from before the last screen was confirmed
    this.at = 0;
    if (!this.boxes.length && !this.pair) {
      const other = fullest(this.open);
      if (this.open[other]) {
        this.place.replaceChildren(); // so that nobody judges what is saved already
        return this.app.go(`#/digits/${encodeURIComponent(other)}`);
      }
    }
    this.draw();
    this.mark(0);
    if (this.boxes.length) {
      this.coming = this.fetched(this.boxes);
      this.coming.catch(() => (this.coming = null));
    }
  }

  draw() {
    const sides = this.pair ? [this.group, this.pair] : [this.group];
    const shown = sides.map((mark) => this.drawnSide(mark));
    const nothing = this.pair
      ? `No ${this.group} that may be a ${this.pair} is left, nor the other way round.`
      : "No doubtful digits are left here. What needs its field to be judged is under Fields.";
    this.where = h("p", { class: "where", "aria-hidden": "true" });
    this.place.replaceChildren(
      h(
        "div",
        { class: "work" },
        h("h1", { class: "hidden" }, "Doubtful digits"),
        this.drawnBar(),
        this.boxes.length ? [h("div", { class: "sides" }, shown), this.where, this.drawnPad()] : h("p", { class: "empty panel" }, nothing),
      ),
    );
    this.cells = [...this.place.querySelectorAll(".box")];
    this.boxes.forEach((_, nth) => this.drawChange(nth));
    this.watcher.disconnect();
    this.looked.clear();
    this.cells.forEach((cell) => this.watcher.observe(cell));
  }

  drawnBar() {
    const link = (mark) => {
      const left = this.open[mark] ?? 0;
      const here = mark === this.group ? { "aria-current": "true" } : {};
      const name = NAMES[mark] ?? mark;
      return h("a", { href: `#/digits/${encodeURIComponent(mark)}`, class: left ? "" : "none", ...here }, h("b", {}, name), h("small", {}, left.toLocaleString("en")));
    };
    const isDigit = /^\d$/.test(this.group);
    const beside = h(
      "select",
      { id: "beside", onchange: (event) => this.app.go(`#/digits/${this.group}${event.target.value ? `/${event.target.value}` : ""}`) },
      h("option", { value: "" }, "nothing"),
      [..."0123456789"].filter((mark) => mark !== this.group).map((mark) => h("option", { value: mark, selected: mark === this.pair }, mark)),
    );
    return h(
      "div",
      { class: "group-bar" },
      h("div", { class: "chips", role: "navigation", "aria-label": "Read as" }, h("span", { class: "quiet" }, "Read as"), GROUPS.map(link)),
      isDigit && h("div", { class: "chips" }, h("label", { for: "beside", class: "quiet" }, "Compare with those that may be"), beside),
    );
  }

  drawnSide(mark) {
    const own = this.boxes.map((box, nth) => [box, nth]).filter(([box]) => !this.pair || box.mark === mark);
    const title = this.pair && h("h2", {}, `Read as ${mark}, perhaps ${mark === this.group ? this.pair : this.group}`);
    const label = `${count(own.length, "box", "boxes")} read as ${NAMES[mark] ?? mark}`;
    return h("div", { class: "side" }, title, h("div", { class: "boxes", role: "listbox", "aria-label": label }, own.map(([box, nth]) => this.drawnBox(box, nth))));
  }

  drawnBox(box, nth) {
    return h(
      "div",
      { class: "box", role: "option", tabindex: "-1", "aria-selected": "false", "data-position": String(box.position), onclick: () => this.mark(nth), onpointermove: (event) => this.hovered(event, nth), onfocus: () => this.mark(nth, false) },
      h("img", { src: box.image, alt: "", draggable: false }),
      h("span", { class: "about" }, box.mark === "?" ? h("span", {}, `perhaps ${box.rival}`) : [h("span", {}, `or ${box.rival}`), h("span", {}, percent(box.confidence))]),
    );
  }

  drawnPad() {
    const button = (text, key, kind = "") => h("button", { type: "button", class: kind, tabindex: "-1", onclick: () => this.type(key) }, text);
    return h(
      "div",
      { class: "pad", role: "toolbar", "aria-label": "For the marked box" },
      [..."0123456789"].map((digit) => button(digit, digit, "digit")),
      button("Unsure", " "),
      button("No digit", "Delete"),
      h("button", { type: "button", class: "first", onclick: () => this.confirm() }, `Confirm all ${this.boxes.length}`, " ", h("kbd", {}, "Enter")),
    );
  }

  drawChange(nth) {
    const box = this.boxes[nth];
    const cell = this.cells[nth];
    const change = this.changed[box.picture];
    cell.classList.toggle("changed", change !== undefined);
    cell.querySelector(".new")?.remove();
    if (change !== undefined) cell.append(h("span", { class: "new", "aria-hidden": "true" }, NEW[change] ?? change));
    const now = change === undefined ? "" : `, now ${SPOKEN[change] ?? change}`;
    cell.setAttribute("aria-label", `${box.mark === "?" ? "unread" : `read as ${NAMES[box.mark] ?? box.mark}, ${percent(box.confidence)} sure`}, perhaps ${box.rival}${now}; ${box.field} on ${box.scan}`);
  }

  mark(nth, focus = true) {
    if (!this.cells?.length || !this.boxes.length) return;
    const cells = this.cells;
    cells[this.at]?.setAttribute("aria-selected", "false");
    cells[this.at]?.setAttribute("tabindex", "-1");
    this.at = Math.max(0, Math.min(nth, cells.length - 1));
    const cell = cells[this.at];
    cell.setAttribute("aria-selected", "true");
    cell.setAttribute("tabindex", "0");
    if (focus && document.activeElement !== cell) cell.focus({ preventScroll: false });
    const box = this.boxes[this.at];
    this.where.textContent = `${box.scan}${box.page > 1 ? `, page ${box.page}` : ""} \u00b7 ${box.field}`;
  }

  // The mouse marks what it is moved over, so that a digit can be typed at once; lying still it marks nothing.
  hovered(event, nth) {
    if (event.pointerType === "mouse" && nth !== this.at && (event.movementX || event.movementY)) this.mark(nth);
  }

  change(nth, to) {
    const { picture } = this.boxes[nth];
    if (to === undefined) delete this.changed[picture];
    else this.changed[picture] = to;
    this.keep();
    this.drawChange(nth);
  }

  type(key) {
    const nth = this.at;
    if (/^[0-9]$/.test(key)) this.change(nth, this.boxes[nth].mark === key ? undefined : key);
    else if (key === " ") this.change(nth, "?");
    else if (key === "Delete") this.change(nth, "");
    else return false;
    this.mark(nth + 1);
    return true;
  }

  beside(step) {
    const tops = this.cells.map((cell) => [cell.getBoundingClientRect().top, cell.getBoundingClientRect().left]);
    const [top, left] = tops[this.at];
    const rows = tops.filter(([other]) => (step > 0 ? other > top + 5 : other < top - 5)).map(([other]) => other);
    if (!rows.length) return this.at;
    const row = step > 0 ? Math.min(...rows) : Math.max(...rows);
    let best = this.at;
    let nearest = Infinity;
    tops.forEach(([t, l], nth) => {
      if (Math.abs(t - row) < 5 && Math.abs(l - left) < nearest) [best, nearest] = [nth, Math.abs(l - left)];
    });
    return best;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.target instanceof HTMLElement && event.target.matches("select, input")) return false;
    if (event.key === "PageDown" || event.key === "PageUp") return this.otherGroup(event.key === "PageDown" ? 1 : -1);
    if (!this.boxes.length) return false;
    const onButton = event.target instanceof HTMLElement && event.target.matches("button, a");
    if (onButton && (event.key === "Enter" || event.key === " ")) return false;
    const to = { ArrowRight: this.at + 1, ArrowLeft: this.at - 1, Home: 0, End: this.boxes.length - 1 }[event.key];
    if (to !== undefined) this.mark(to);
    else if (event.key === "ArrowDown") this.mark(this.beside(1));
    else if (event.key === "ArrowUp") this.mark(this.beside(-1));
    else if (event.key === "Enter") this.confirm();
    else if (event.key === "Escape") this.change(this.at, undefined);
    else if (event.key === "Backspace") {
      if (this.changed[this.boxes[this.at].picture] === undefined) this.mark(this.at - 1);
      this.change(this.at, undefined);
    } else return this.type(event.key);
    return true;
  }

  otherGroup(step) {
    const filled = GROUPS.filter((mark) => this.open[mark] || mark === this.group);
    const nth = (filled.indexOf(this.group) + step + filled.length) % filled.length;
    this.app.go(`#/digits/${encodeURIComponent(filled[nth])}`);
    return true;
  }

  // What a box holds if the screen is confirmed: as typed, else as read; what could not be read goes to its field.
  confirmed(box) {
    return this.changed[box.picture] ?? (box.mark === "-" ? "" : box.mark);
  }

  async confirm() {
    if (this.busy || !this.boxes.length) return;
    this.saw(this.watcher.takeRecords());
    const unseen = this.cells.findIndex((cell) => !this.looked.has(cell));
    if (unseen >= 0) {
      // Nobody confirms what was never on the screen.
      this.mark(unseen);
      return this.app.say("There are more below; they are shown now");
    }
    this.busy = true;
    this.app.busy(true);
    try {
      const said = this.boxes.map((box) => ({ picture: box.picture, seen: box.seen, new: this.confirmed(box) }));
      const answer = await this.app.post("marks", { boxes: said });
      for (const { picture } of this.boxes) delete this.changed[picture];
      this.keep();
      if (answer.conflicts.length) await this.resolve(answer.conflicts);
      const again = answer.gone.length ? `; ${answer.gone.length} were read again meanwhile: look at them anew` : "";
      this.app.say(`${count(answer.saved.length, "box", "boxes")} saved${again}`);
      await this.app.refresh();
      await this.next();
    } finally {
      this.busy = false;
      this.app.busy(false);
    }
  }

  // Another person judged some of these since they were shown: both sides, and the choice.
  async resolve(conflicts) {
    const mine = [];
    for (const one of conflicts) {
      const box = this.boxes.find(({ picture }) => picture === one.picture);
      const name = (value) => (value === null ? "undecided" : one.whole ? value || "empty" : (SPOKEN[value] ?? value));
      const choices = [["theirs", `Keep ${name(one.theirs)}`]];
      if (!one.whole) choices.push(["mine", `Take ${SPOKEN[one.mine] ?? one.mine}`]);
      const body = h(
        "div",
        {},
        h("img", { src: box.image, alt: `The box of ${box.field} on ${box.scan}`, width: 120 }),
        h(
          "p",
          {},
          `${one.who || "Somebody"} decided ${one.whole ? "the whole field" : "this box"} meanwhile: `,
          h("b", {}, name(one.theirs)),
          ". You: ",
          h("b", {}, SPOKEN[one.mine] ?? one.mine),
          one.whole ? ". It can be changed in the table." : ".",
        ),
      );
      const answer = await this.app.ask("Decided by another person meanwhile", body, choices);
      if (answer === "mine") mine.push({ picture: one.picture, seen: one.version, new: one.mine });
    }
    if (mine.length) {
      const again = await this.app.post("marks", { boxes: mine });
      if (again.conflicts.length) await this.resolve(again.conflicts);
    }
  }

  left() {
    this.watcher.disconnect();
    this.keep();
  }
}
