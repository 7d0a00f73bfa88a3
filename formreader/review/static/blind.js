// Keying blind, from strips: a second key for decided fields, the sample of an audit, and the third look where two differ.

import { count, h } from "./dom.js";

const TEXTS = {
  second: { title: "Second key", none: "Nothing is left for you to key: what others decided has its second key." },
  audit: { title: "Audit", none: "Nothing is left for you to key in this audit." },
};
const HOW = {
  digits: "Digits from left to right; leave out boxes that are empty, struck out or filled up.",
  key: "The text as it is written.",
  choice: "The words of all options that are marked, with ; between them.",
  barcode: "The text of the code, as it is printed beside it.",
  image: "Whether anything is written there: the word written.",
};

export const second = { open: (app, place) => opened(new Keying(app, place, "second")) };
export const audit = { open: (app, place) => opened(new Keying(app, place, "audit")) };
export const third = { open: (app, place) => opened(new Third(app, place)) };

async function opened(work) {
  await work.start();
  return work;
}

// Strips by field; the next ones are fetched while one is looked at.
class Strips {
  constructor(app, path) {
    Object.assign(this, { app, path, coming: new Map() });
  }

  of(item) {
    const name = `${item.one}.${item.two}`;
    if (!this.coming.has(name)) {
      if (this.coming.size > 8) this.coming.delete(this.coming.keys().next().value);
      const strip = this.app.get(this.path, { one: item.one, two: item.two });
      strip.catch(() => this.coming.delete(name));
      this.coming.set(name, strip);
    }
    return this.coming.get(name);
  }
}

function drawnStrip(strip, item) {
  if (strip.image) return h("div", { class: "to-key" }, h("img", { src: strip.image, alt: `What is written in ${item.field}` }));
  return h("div", { class: "to-key lost" }, h("p", {}, h("span", { class: "reason" }, "This strip cannot be shown")), h("p", { class: "mono" }, strip.missing));
}

class Keying {
  keys = [
    ["Enter", "save, go on to the next"],
    ["Shift+Enter", "back to your last keys, to key them again"],
    ["Page Down", "pass over; it comes again at the end"],
    ["Escape", "leave a key as it was, go on"],
    ["_", "nothing is written"],
    ["?", "it cannot be read; in digits, one such box"],
  ];

  constructor(app, place, kind) {
    Object.assign(this, { app, place, kind, queue: [], again: null, last: null, filling: null, busy: false });
    this.strips = new Strips(app, `${kind}/strip`);
  }

  get current() {
    return this.again ?? this.queue[0] ?? null;
  }

  async start() {
    this.queue = [];
    this.last = null;
    await this.fill();
    await this.draw();
  }

  async fill() {
    const from = this.queue.at(-1) ?? this.last;
    const after = !from ? {} : this.kind === "second" ? { one: from.one, two: from.two } : { one: from.one };
    const { items } = await this.app.get(`${this.kind}/next`, after);
    const known = new Set(this.queue.map((item) => `${item.one}.${item.two}`));
    this.queue.push(...items.filter((item) => !known.has(`${item.one}.${item.two}`)));
  }

  // Take the next field, and have more fetched meanwhile.
  async next() {
    this.again = null;
    this.last = this.queue.shift() ?? this.last;
    if (!this.queue.length) await (this.filling ?? this.fill());
    else if (this.queue.length < 3 && !this.filling) {
      this.filling = this.fill().finally(() => (this.filling = null));
      this.filling.catch(() => {});
    }
    await this.draw();
  }

  async draw() {
    const item = this.current;
    if (!item) return this.drawEnd();
    const strip = await this.strips.of(item);
    if (item !== this.current) return;
    this.input = h("input", {
      id: "key", class: "mono", autocomplete: "off", spellcheck: "false", autocapitalize: "off", maxLength: 10_000,
      "aria-describedby": "how", inputMode: item.kind === "digits" ? "numeric" : "text",
    });
    this.input.value = this.input.defaultValue = item.key ?? "";
    this.place.replaceChildren(
      h(
        "div",
        { class: "blind" },
        h("h1", { class: "hidden" }, TEXTS[this.kind].title),
        h("p", { class: "which" }, h("b", {}, item.field), " ", h("span", { class: "quiet" }, this.where(item))),
        drawnStrip(strip, item),
        h("label", { for: "key" }, item.key === undefined ? "What is written?" : "What is written? You keyed:"),
        h(
          "div",
          { class: "keying" },
          this.input,
          h("button", { type: "button", class: "first", onclick: () => this.save() }, "Save ", h("kbd", {}, "Enter")),
        ),
        h("p", { id: "how", class: "quiet" }, `${HOW[item.kind]} `, item.options?.length > 1 ? `In the order of the form: ${item.options.join(", ")}. ` : "", h("kbd", {}, "_"), " nothing is written \u00b7 ", h("kbd", {}, "?"), item.kind === "digits" ? " a box that cannot be read" : " it cannot be read"),
        h(
          "div",
          { class: "chips" },
          h("button", { type: "button", onclick: () => this.back() }, "Back to my last ", h("kbd", {}, "Shift+Enter")),
          item.key === undefined
            ? h("button", { type: "button", onclick: () => this.next() }, "Pass over ", h("kbd", {}, "Page Down"))
            : h("button", { type: "button", onclick: () => this.forward() }, "Leave as it was ", h("kbd", {}, "Esc")),
        ),
      ),
    );
    this.input.focus();
    this.input.select();
    this.fetchAhead();
  }

  // One after the other: a page may have to be decoded for each.
  async fetchAhead() {
    for (const ahead of this.queue.slice(0, 3)) await this.strips.of(ahead).catch(() => {});
  }

  where(item) {
    const now = this.app.now.blind ?? {};
    if (this.kind !== "audit") return item.key === undefined ? "" : "keyed by you before";
    const which = item.two === 2 ? ", looked at again by another person" : "";
    const done = now.of - now.left;
    return `number ${item.one}${which} \u00b7 ${done.toLocaleString("en")} of ${count(now.of, "field")} keyed \u00b7 audit ${now.audit}`;
  }

  async drawEnd() {
    await this.app.refresh();
    const { left = 0, differing = 0, waiting = 0, look = 1, audit: number } = this.app.now.blind ?? {};
    const parts = [];
    if (left) {
      parts.push(h("p", {}, `${count(left, "field")} ${left === 1 ? "is" : "are"} left that you passed over or another person has before them.`));
      parts.push(h("button", { type: "button", class: "first", onclick: () => this.start() }, "Go over them ", h("kbd", {}, "Enter")));
    } else {
      parts.push(h("p", {}, TEXTS[this.kind].none));
      if (differing) parts.push(h("p", {}, h("a", { href: "#/third" }, `${count(differing, "field")} ${differing === 1 ? "waits" : "wait"} for a third look`)));
      if (waiting) parts.push(h("p", {}, `${count(waiting, "field")} ${waiting === 1 ? "waits" : "wait"} for yet another person, who opens this page under a name of their own.`));
      if (this.kind === "audit" && look === 2) parts.push(h("p", {}, "What it proves: ", h("span", { class: "mono" }, `formreader audit ${this.app.now.name} --audit ${number} --report`)));
      parts.push(h("button", { type: "button", onclick: () => this.back() }, "Back to my last ", h("kbd", {}, "Shift+Enter")));
    }
    this.input = null;
    this.place.replaceChildren(h("h1", { class: "hidden" }, TEXTS[this.kind].title), h("div", { class: "empty panel" }, parts));
    this.place.querySelector("button")?.focus();
  }

  async save() {
    const item = this.current;
    if (this.busy || !item) return;
    if (item.key !== undefined && this.input.value === item.key) return this.forward();
    this.busy = true;
    try {
      const place = { one: item.one, two: item.two, key: this.input.value };
      await this.app.post(`${this.kind}/key`, this.kind === "second" ? { ...place, seen: item.seen } : place);
      this.app.say(`Saved: ${this.input.value}`);
    } catch (error) {
      if (error.status !== 409 && error.status !== 403) {
        this.input.setAttribute("aria-invalid", "true");
        this.input.focus();
        return;
      }
    } finally {
      this.busy = false;
    }
    await this.app.refresh();
    await (this.again ? this.forward() : this.next());
  }

  async back() {
    const { item } = await this.app.get(`${this.kind}/back`, { before: this.again?.row });
    if (!item) return this.app.say(this.again ? "This is the first of your keys" : "You have keyed nothing yet");
    this.again = item;
    await this.draw();
  }

  async forward() {
    this.again = null;
    if (!this.queue.length) await this.fill();
    await this.draw();
  }

  async undo() {
    if (this.kind === "audit") return this.back(); // what an audit has is keyed again, never taken back
    const undone = await this.app.post("second/undo");
    this.app.say(undone.how ? "Taken back" : "There is nothing of yours to take back");
    if (undone.how === "third") return this.app.go("#/third");
    await this.app.refresh();
    this.again = null;
    if (undone.item) this.queue = [undone.item, ...this.queue.filter((item) => item.one !== undone.item.one || item.two !== undone.item.two)];
    await this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const onButton = event.target instanceof HTMLElement && event.target.matches("button, a");
    if (event.key === "Enter" && event.shiftKey) this.back();
    else if (event.key === "Enter" && !onButton && this.current) this.save();
    else if (event.key === "PageDown" && this.current && !this.again) this.next();
    else if (event.key === "Escape" && this.again) this.forward();
    else return false;
    return true;
  }
}

class Third {
  keys = [
    ["1, 2", "this value is right"],
    ["3", "type another value"],
    ["Enter", "in the input: save it"],
    ["Page Down", "leave it for later"],
  ];

  constructor(app, place) {
    Object.assign(this, { app, place, item: null, busy: false });
    this.strips = new Strips(app, "second/strip");
  }

  start() {
    return this.next();
  }

  async next() {
    const from = this.item ? { one: this.item.one, two: this.item.two } : {};
    const { item } = await this.app.get("third/next", from);
    this.item = item;
    if (!item) return this.drawEnd();
    const strip = await this.strips.of(item);
    this.input = h("input", { id: "key", class: "mono", autocomplete: "off", spellcheck: "false", maxLength: 500 });
    this.place.replaceChildren(
      h(
        "div",
        { class: "blind" },
        h("h1", { class: "hidden" }, "Third look"),
        h("p", { class: "which" }, h("b", {}, item.field), " ", h("span", { class: "quiet" }, `${item.scan}${item.page > 1 ? `, page ${item.page}` : ""}`)),
        drawnStrip(strip, item),
        h("div", { class: "versus", role: "group", "aria-label": "Which is right?" }, item.sides.map((side, nth) => this.drawnSide(side, nth))),
        h("label", { for: "key" }, h("kbd", {}, "3"), " Neither: what is written?"),
        h("div", { class: "keying" }, this.input, h("button", { type: "button", onclick: () => this.type() }, "Save ", h("kbd", {}, "Enter"))),
        h("div", { class: "chips" }, h("button", { type: "button", onclick: () => this.next() }, "Later ", h("kbd", {}, "Page Down"))),
      ),
    );
    this.place.querySelector(".versus button").focus();
  }

  drawnSide(side, nth) {
    const other = this.item.sides[1 - nth]?.value ?? "";
    const letters = [...side.value].map((sign, at) => (other.length === side.value.length && other[at] !== sign ? h("u", {}, sign) : sign));
    const what = nth ? "keyed blind by" : "decided by";
    return h(
      "button",
      { type: "button", class: "panel", onclick: () => this.settle(side.value) },
      h("kbd", {}, String(nth + 1)),
      h("span", { class: "value mono" }, side.value ? letters : h("i", {}, "nothing written")),
      h("span", { class: "quiet" }, `${what} ${side.who}, ${new Date(side.at).toLocaleString()}`),
      side.broken.map((words) => h("span", { class: "reason" }, words)),
    );
  }

  async drawEnd() {
    await this.app.refresh();
    const { left = 0 } = this.app.now.blind ?? {};
    const parts = [h("p", {}, "No field waits for your third look.")];
    if (left) parts.push(h("p", {}, "Keys of your own that differ are shown when you have keyed everything."), h("p", {}, h("a", { href: "#/second" }, `${count(left, "field")} left to key`)));
    this.place.replaceChildren(h("h1", { class: "hidden" }, "Third look"), h("div", { class: "empty panel" }, parts));
  }

  type() {
    if (this.input.value.trim()) return this.settle(this.input.value);
    this.app.say("Key what is written: _ where nothing is written", "bad");
    this.input.focus();
  }

  async settle(value, seen = this.item.seen) {
    if (this.busy) return;
    this.busy = true;
    try {
      const { one, two } = this.item;
      const { conflict } = await this.app.post("third/settle", { one, two, seen, new: value });
      if (conflict) {
        const name = (text) => (text === null ? "undecided" : text || "nothing written");
        const body = h("p", {}, `${conflict.who || "Somebody"} decided meanwhile: `, h("b", {}, name(conflict.theirs)), ". You: ", h("b", {}, name(conflict.mine)), ".");
        const buttons = [["theirs", `Keep ${name(conflict.theirs)}`]];
        if (conflict.theirs !== null) buttons.push(["mine", `Take ${name(conflict.mine)}`]);
        const answer = await this.app.ask("Decided by another person meanwhile", body, buttons);
        this.busy = false;
        if (answer === "mine") return this.settle(value, conflict.version);
      } else this.app.say("Settled");
    } catch (error) {
      if (error.status !== 409) {
        this.input.focus();
        return;
      }
    } finally {
      this.busy = false;
    }
    await this.app.refresh();
    await this.next();
  }

  async undo() {
    const undone = await this.app.post("second/undo");
    this.app.say(undone.how ? "Taken back" : "There is nothing of yours to take back");
    await this.app.refresh();
    if (undone.how === "second") return this.app.go("#/second");
    this.item = null;
    await this.next();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.item) return false;
    const typing = event.target === this.input;
    const sides = [...this.place.querySelectorAll(".versus button")];
    if (event.key === "PageDown") this.next();
    else if (typing && event.key === "Enter") this.type();
    else if (typing && event.key === "Escape") sides[0].focus();
    else if (typing) return false;
    else if (event.key === "1" || event.key === "2") sides[Number(event.key) - 1].click();
    else if (event.key === "3") this.input.focus();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") sides[sides.indexOf(event.target) === 0 ? 1 : 0].focus();
    else return false;
    return true;
  }
}
