// Failed pages: the list of them, and one opened: matched by its corners, keyed, tried again, or called no form.

import { count, h, inWords } from "./dom.js";
import { Sheet } from "./corners.js";

const PORTION = 24;
const KEPT = "formreader.pages";
const STAGES = { scans: "could not be opened", align: "no form found on it", quality: "too poor to read", pages: "left out", read: "given up" };

export async function open(app, place, [reading, doing]) {
  const screen = reading ? new OnePage(app, place, Number(reading), doing ?? "") : new List(app, place);
  await screen.draw();
  return screen;
}

function named(page) {
  return page.page > 1 ? `${page.scan}, page ${page.page}` : page.scan;
}

class List {
  keys = [
    ["Arrows, Home, End", "go from page to page"],
    ["Enter", "open the page"],
    ["Delete", "it is no form: skip it"],
  ];

  constructor(app, place) {
    Object.assign(this, { app, place, pages: [], count: 0 });
  }

  async draw() {
    const found = await this.app.get("failures", { skip: 0, most: PORTION });
    Object.assign(this, found);
    this.place.replaceChildren(
      h(
        "section",
        { class: "failures" },
        h("h1", {}, this.count ? `${count(this.count, "page")} could not be read` : "Failed pages"),
        this.count
          ? h("p", { class: "quiet" }, "Open one to match it to its form by hand, to key its values, or to say that it is no form.")
          : h("p", { class: "empty panel" }, "No page is left here: all were read, or settled by somebody."),
        (this.cards = h("ul", { class: "cards" }, this.pages.map((page) => this.card(page)))),
        (this.more = h("button", { type: "button", onclick: () => this.fetchMore() }, "Show more")),
      ),
    );
    this.more.hidden = this.pages.length >= this.count;
    this.cards.querySelector("a")?.focus({ preventScroll: true });
  }

  async fetchMore() {
    const found = await this.app.get("failures", { skip: this.pages.length, most: PORTION });
    this.pages.push(...found.pages);
    const cards = found.pages.map((page) => this.card(page));
    this.cards.append(...cards);
    this.more.hidden = this.pages.length >= found.count || !cards.length;
    cards[0]?.querySelector("a").focus();
  }

  card(page) {
    const img = h("img", { src: `/api/failure/small?reading=${page.reading}`, alt: "", loading: "lazy" });
    img.addEventListener("error", () => img.replaceWith(h("span", { class: "no-picture" }, "no picture")));
    return h(
      "li",
      { class: "card panel" },
      h("a", { href: `#/pages/${page.reading}`, class: "open" }, h("span", { class: "thumb" }, img), h("strong", {}, named(page))),
      h("p", {}, h("span", { class: "reason" }, STAGES[page.stage] ?? page.stage)),
      h("p", { class: "why" }, page.reason),
      page.keeps && h("p", { class: "quiet" }, "It keeps what was read of it before."),
      h("button", { type: "button", onclick: () => this.notAForm(page) }, "Not a form"),
    );
  }

  async notAForm(page) {
    await sortOut(this.app, page);
    await this.app.refresh();
    await this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const links = [...this.cards.querySelectorAll("a.open")];
    if (!links.length) return false;
    const at = links.findIndex((link) => link.closest("li").contains(document.activeElement));
    const columns = Math.max(1, links.filter((link) => Math.abs(link.getBoundingClientRect().top - links[0].getBoundingClientRect().top) < 5).length);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (event.key in steps) links[Math.max(0, Math.min(links.length - 1, at + steps[event.key]))].focus();
    else if (event.key === "Home") links[0].focus();
    else if (event.key === "End") links.at(-1).focus();
    else if (event.key === "Delete" && at >= 0) this.notAForm(this.pages[at]);
    else return false;
    return true;
  }
}

async function sortOut(app, page) {
  const answer = await app.post("failure/not-a-form", { reading: page.reading, seen: page.seen });
  if (!answer.saved) return told(app, answer.conflict);
  app.say(`${named(page)}: no form, skipped. Ctrl+Z takes it back`);
  return true;
}

// Another person settled the page meanwhile: what they did stays, and is said.
async function told(app, conflict) {
  const what = { not_a_form: "said that it is no form" }[conflict.theirs] ?? (conflict.theirs ? "had it read, or keyed it" : "changed what is said of it");
  await app.ask("Settled by another person meanwhile", h("p", {}, `${conflict.who || "Somebody"} ${what}. What you did here is not stored.`), [["ok", "See the list"]]);
  app.go("#/pages");
  return false;
}

class OnePage {
  constructor(app, place, reading, doing) {
    Object.assign(this, { app, place, reading, doing: doing === "key" ? "key" : "match", offer: null, busy: false });
  }

  get keys() {
    if (this.offer) return [["Enter", "take it"], ["Escape", "try again"]];
    if (this.doing === "key") return [["Enter, Tab", "go to the next field"], ["Ctrl+Enter", "save all"], ["Escape", "back to the page"]];
    return [
      ["Tab", "go from corner to corner"],
      ["Arrows", "move the corner; with Shift ten times as far"],
      ["T", "turn the page"],
      ["Enter", "read it so"],
      ["K", "key its values"],
      ["R", "try again by itself"],
      ["Delete", "it is no form"],
      ["Escape", "back to the list"],
    ];
  }

  async draw() {
    try {
      this.page = await this.app.get("failure", { reading: this.reading });
    } catch (error) {
      if (error.status !== 409) throw error;
      this.app.go("#/pages");
      return;
    }
    this.form ??= this.page.forms[0] ?? null;
    this.sheet = new Sheet(this.page, this.form);
    this.drawn();
    this.suggest();
  }

  suggest() {
    if (!this.form?.whole || this.page.missing) return;
    const { reading, form } = this;
    this.sheet.suggested(this.app.get("failure/corners", { reading, form: form.name })).catch(() => null); // only an offer
  }

  drawn() {
    const work = this.offer ? this.drawnOffer() : this.doing === "key" ? this.drawnKeying() : this.drawnMatching();
    this.place.replaceChildren(h("section", { class: "one-page" }, this.drawnHead(), work));
    this.sheet.placed();
    (this.place.querySelector("[data-first]") ?? this.place.querySelector("button"))?.focus({ preventScroll: true });
  }

  drawnHead() {
    const { page } = this;
    return h(
      "div",
      { class: "head" },
      h("a", { href: "#/pages" }, "\u2190 All failed pages"),
      h("h1", {}, named(page)),
      h("p", { class: "why" }, h("span", { class: "reason" }, STAGES[page.stage] ?? page.stage), " ", page.reason),
      page.missing && h("p", { class: "missing-note" }, `The scan cannot be shown, at most the small picture that was kept of it. ${page.missing}`),
      this.drawnTools(),
    );
  }

  drawnTools() {
    if (this.offer) return null;
    const picked = (event) => {
      this.form = this.page.forms[event.target.selectedIndex];
      this.sheet.form = this.form;
      this.drawn();
      this.suggest();
    };
    const choose = h("select", { id: "form", title: "The batch's own forms; -t gives those whose files moved", onchange: picked }, this.page.forms.map((form) => h("option", { selected: form === this.form }, form.name)));
    const button = (text, act, given = {}) => h("button", { type: "button", onclick: act, ...given }, text);
    const to = (doing) => () => {
      this.doing = doing;
      this.drawn();
    };
    return h(
      "div",
      { class: "tools-row", role: "group", "aria-label": "What to do with the page" },
      this.page.forms.length > 0 && h("label", { for: "form" }, "Form"),
      this.page.forms.length > 0 && choose,
      this.form && button("Match by hand", to("match"), { "aria-pressed": String(this.doing === "match"), disabled: Boolean(this.page.missing) }),
      this.form && button("Key its values", to("key"), { "aria-pressed": String(this.doing === "key") }),
      this.form && button("Try again by itself", () => this.retry(), { disabled: Boolean(this.page.missing), title: "With the form chosen here" }),
      button("Not a form", () => this.notAForm()),
    );
  }

  drawnMatching() {
    if (!this.form) return h("p", { class: "empty panel" }, "The batch was read without a template: there is no form to match this page to, and no fields to key.");
    if (this.page.missing) return h("div", { class: "panel" }, this.sheet.small());
    if (!this.form.whole) {
      return h("p", { class: "empty panel" }, `The template of ${this.form.name} is not where it was, or has changed. Start the review again with -t and that template; only the batch's own forms, as they were, can be given.`);
    }
    const turn = (by, text) =>
      h("button", { type: "button", onclick: () => this.sheet.turned(by), "aria-label": by > 0 ? "Turn the page right" : "Turn the page left" }, text);
    return h(
      "div",
      { class: "matching" },
      h(
        "div",
        { class: "form-side panel" },
        h("h2", {}, `The form ${this.form.name}`),
        h("p", { class: "quiet" }, this.form.drawn ? "It has no picture: its boxes are drawn. Corners as numbered." : "Bring the four numbered corners to where they lie on the scan, inside or outside of it, until the blue boxes lie on the printed ones."),
        this.sheet.reference(),
        this.sheet.loupe(),
      ),
      h(
        "div",
        { class: "scan-side" },
        h(
          "div",
          { class: "scan-bar" },
          turn(-1, "\u21B6 Left"),
          turn(1, "\u21B7 Right"),
          h("button", { type: "button", onclick: () => this.sheet.reset() }, "Reset corners"),
          (this.readButton = h("button", { type: "button", class: "first", onclick: () => this.read() }, "Read with these corners")),
        ),
        this.sheet.scan(),
      ),
    );
  }

  async waited(text, call) {
    if (this.busy) return null;
    this.busy = true;
    const spinner = h("div", { class: "spinner", role: "status" }, h("span", { "aria-hidden": "true" }), text);
    this.place.querySelector(".one-page").append(spinner);
    try {
      return await call();
    } catch (error) {
      if (error.status === undefined) throw error;
      return null; // said at the bottom
    } finally {
      this.busy = false;
      spinner.remove();
    }
  }

  async read() {
    const corners = this.sheet.corners;
    this.offer = await this.waited("Reading the page ...", () => this.app.post("failure/match", { reading: this.reading, form: this.form.name, corners }));
    if (this.offer) this.drawn();
  }

  async retry() {
    const form = this.page.forms.length > 1 ? this.form.name : "";
    this.offer = await this.waited("Trying again ...", () => this.app.post("failure/retry", { reading: this.reading, form }));
    if (this.offer) this.drawn();
  }

  drawnOffer() {
    const { offer } = this;
    const flagged = offer.fields.filter((field) => field.reasons.length).length;
    const rows = offer.fields.map((field) =>
      h(
        "tr",
        { class: field.reasons.length ? "flagged" : "" },
        h("th", { scope: "row" }, field.name),
        h("td", { class: "mono" }, field.value || h("span", { class: "quiet" }, "empty")),
        h("td", {}, field.reasons.length ? h("span", { class: "reason" }, field.reasons.map(inWords).join("; ")) : "", field.broken.map((words) => h("p", { class: "quiet" }, words))),
      ),
    );
    const doubt = offer.doubted ? " Too little of the form's print was found to trust it: every field will be shown to a person." : "";
    return h(
      "div",
      { class: "page-offer" },
      h("div", { class: "scan-side" }, this.sheet.result(offer.boxes)),
      h(
        "div",
        { class: "panel page-values" },
        h("h2", {}, "Is this the page?"),
        h("p", {}, `${Math.round(100 * offer.score)} % of the form's printed frame lies under it. ${count(offer.fields.length, "field")}, ${flagged} to check.${doubt}`),
        h(
          "div",
          { class: "chips" },
          h("button", { type: "button", class: "first", "data-first": "", onclick: () => this.take() }, "Take it"),
          h("button", { type: "button", onclick: () => this.again() }, "Try again"),
        ),
        h("table", {}, h("caption", { class: "hidden" }, "What was read"), h("tbody", {}, rows)),
      ),
    );
  }

  again() {
    this.offer = null;
    this.drawn();
  }

  async take() {
    if (this.busy) return;
    const answer = await this.waited("Saving ...", () => this.app.post("failure/take", { draft: this.offer.draft, seen: this.page.seen }));
    if (answer) await this.settled(answer, `${named(this.page)} is read. What is doubtful in it is to be checked like any other`);
  }

  async notAForm() {
    if (await sortOut(this.app, this.page)) await this.next();
  }

  async settled(answer, text) {
    if (!answer.saved) return told(this.app, answer.conflict);
    this.app.say(`${text}. Ctrl+Z takes it back`);
    await this.next();
  }

  async next() {
    await this.app.refresh();
    const { pages } = await this.app.get("failures", { most: 1 });
    this.app.go(pages.length ? `#/pages/${pages[0].reading}` : "#/pages");
  }

  get kept() {
    return `${KEPT}.${this.app.now.batch}.${this.reading}.${this.form.name}`;
  }

  // What was typed and not saved yet outlives a reload of the page.
  get typed() {
    return JSON.parse(sessionStorage.getItem(this.kept) ?? "{}");
  }

  drawnKeying() {
    if (!this.form) return this.drawnMatching();
    const kept = this.typed;
    const inputs = this.form.fields.map((field, nth) => {
      const input = h("input", { id: `field-${nth}`, name: field.name, autocomplete: "off", spellcheck: "false", maxLength: 500, ...(nth ? {} : { "data-first": "" }) });
      input.value = kept[field.name] ?? "";
      input.addEventListener("input", () => this.keep());
      input.addEventListener("focus", () => this.sheet.showPart(nth / Math.max(1, this.form.fields.length - 1)));
      return h("div", { class: "to-key" }, h("label", { for: input.id }, field.name), input, h("p", { class: "broken", id: `${input.id}-broken` }));
    });
    return h(
      "div",
      { class: "keying" },
      h("div", { class: "scan-side" }, this.sheet.plain(this.page.missing)),
      h(
        "form",
        { class: "panel page-values", onsubmit: (event) => (event.preventDefault(), this.save(false)) },
        h("h2", {}, `Its values on ${this.form.name}`),
        h("p", { class: "quiet" }, "Leave empty what is empty on the page; type ? for what cannot be read."),
        inputs,
        h("div", { class: "chips" }, h("button", { type: "submit", class: "first" }, "Save all"), h("span", { class: "quiet" }, "Ctrl+Enter")),
      ),
    );
  }

  get inputs() {
    return [...this.place.querySelectorAll(".to-key input")];
  }

  get values() {
    return Object.fromEntries(this.inputs.map((input) => [input.name, input.value]));
  }

  keep() {
    sessionStorage.setItem(this.kept, JSON.stringify(this.values));
  }

  async save(despite) {
    const said = { reading: this.reading, form: this.form.name, seen: this.page.seen, values: this.values, despite };
    const answer = await this.waited("Saving ...", () => this.app.post("failure/key", said));
    if (!answer) return;
    if (answer.broken) return this.askDespite(answer.broken);
    sessionStorage.removeItem(this.kept);
    await this.settled(answer, `${count(this.form.fields.length, "field")} of ${named(this.page)} saved`);
  }

  async askDespite(broken) {
    for (const input of this.inputs) {
      const words = broken[input.name] ?? [];
      input.setAttribute("aria-invalid", String(words.length > 0));
      input.setAttribute("aria-describedby", `${input.id}-broken`);
      document.getElementById(`${input.id}-broken`).textContent = words.length ? `\u26A0 ${words.join("; ")}` : "";
    }
    const rows = Object.entries(broken).map(([name, words]) => h("li", {}, h("b", {}, name), `: ${words.join("; ")}`));
    const answer = await this.app.ask("Some values break their rules", h("ul", {}, rows), [["back", "Look again"], ["despite", "Save as written"]]);
    if (answer === "despite") return this.save(true);
    this.inputs.find((input) => broken[input.name])?.focus();
  }

  key(event) {
    const inField = event.target instanceof HTMLElement && event.target.matches("input");
    if (this.doing === "key" && !this.offer && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      this.save(false);
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === "Escape") {
      if (this.offer) this.again();
      else if (this.doing === "key") (this.doing = "match"), this.drawn();
      else this.app.go("#/pages");
      return true;
    }
    if (inField && event.key === "Enter") return this.nextInput(event.target);
    if (inField || (event.target instanceof HTMLElement && event.target.matches("select"))) return false;
    const onButton = event.target instanceof HTMLElement && event.target.matches("button:not(.handle), a");
    if (this.offer) {
      if (event.key === "Enter" && !onButton) this.take();
      else return false;
      return true;
    }
    if (this.doing !== "match" || !this.form) return false;
    if (event.key === "Enter" && !onButton) this.read();
    else if (event.key === "t" || event.key === "T") this.sheet.turned(event.shiftKey ? -1 : 1);
    else if (event.key === "k") (this.doing = "key"), this.drawn();
    else if (event.key === "r") this.retry();
    else if (event.key === "Delete") this.notAForm();
    else return this.sheet.key(event);
    return true;
  }

  nextInput(input) {
    const inputs = this.inputs;
    const next = inputs[inputs.indexOf(input) + 1];
    if (!next) return false; // the last one: the form is sent
    next.focus();
    next.select();
    return true;
  }

  left() {
    this.sheet?.left();
  }
}

