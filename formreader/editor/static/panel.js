// What is selected, in full: kind, boxes, rules, what it all means in words; and the form itself where nothing is.

import { count, h } from "./dom.js";
import { boxesOf, kindOf, pageOf } from "./model.js";
import { RULES, drawn, standing } from "./rules.js";

export class Panel {
  constructor(place, model, app, menus) {
    Object.assign(this, { place, model, app, menus, shown: "" });
  }

  // Drawn anew only where its parts change: whoever types in it must not lose the place.
  draw() {
    const { one, selected } = this.model;
    const rules = selected.length ? standing(selected, this.kind(selected)).stand.join() : "";
    const about = [this.model.ids.join(), this.model.box, rules, one && [kindOf(one), one.wide, boxesOf(one).length], this.app.scan?.id, this.model.document.checks.length];
    const shown = JSON.stringify(about);
    const focused = this.place.contains(document.activeElement) ? document.activeElement : null;
    const isForeign = this.stamp !== this.model.document && !focused;
    if (shown !== this.shown || isForeign) {
      const id = focused?.id;
      this.place.replaceChildren(...(this.app.scan ? this.scan() : selected.length === 1 ? this.field(one) : selected.length ? this.several(selected) : this.form()));
      if (id) document.getElementById(id)?.focus();
      this.shown = shown;
    }
    this.stamp = this.model.document;
    this.live();
  }

  // What changes while one types.
  live() {
    const { one, ids } = this.model;
    const problems = this.place.querySelector(".problems");
    if (problems) problems.replaceChildren(...(ids.length ? ids.flatMap((id) => this.app.problemsOf(id)) : this.app.problemsOf(null)).map((text) => h("li", {}, text)));
    const words = this.place.querySelector(".words");
    if (words && one) words.replaceChildren(...(this.app.words[one.id] ?? []).map((text) => h("li", {}, text)));
    const place = this.place.querySelector(".where");
    const box = one && boxesOf(one)[this.model.box ?? 0];
    if (place && box) place.textContent = `x ${box[0]}, y ${box[1]}, size ${box[2]} x ${box[3]}`;
    const checks = this.place.querySelector(".check-words");
    if (checks) checks.replaceChildren(...this.app.checks.map((text) => h("li", {}, text)));
  }

  kind(fields) {
    const [first, ...others] = fields.map(kindOf);
    return others.every((one) => one === first) ? first : "";
  }

  field(field) {
    const boxes = boxesOf(field);
    const { box } = this.model;
    const title = box === null ? field.name || "A field without a name" : `Box ${box + 1} of ${field.name}`;
    return [
      h("h2", {}, title),
      h("p", { class: "quiet where" }),
      h("ul", { class: "problems", "aria-label": "To be put right" }),
      this.kindMenu([field]),
      field.wide && kindOf(field) === "digits" ? this.length(field) : null,
      this.boxTools(field, boxes, box),
      this.rules([field]),
      h("h3", {}, "In words"),
      h("ul", { class: "words" }),
      this.trial(field),
    ].filter(Boolean);
  }

  kindMenu(fields) {
    const ids = fields.map((one) => one.id);
    const select = h("select", { id: "kind", onchange: (event) => this.model.kind(ids, event.target.value) }, Object.entries(this.menus.kinds).map(([kind, title]) => h("option", { value: kind }, title)));
    const kind = this.kind(fields);
    if (!(kind in this.menus.kinds)) select.append(h("option", { value: kind }, kind || "of several kinds"));
    select.value = kind;
    return h("div", {}, h("label", { for: "kind" }, "It holds"), select);
  }

  length(field) {
    const span = field.keys.length;
    const input = h("input", { id: "length", autocomplete: "off", oninput: (event) => this.model.say([field.id], "length", lengthOf(event.target.value)) });
    input.value = Array.isArray(span) ? span.join(" to ") : (span ?? "");
    return h("div", {}, h("label", { for: "length" }, "Digits in its box"), input, h("span", { class: "quiet note" }, "such as 5, or 1 to 5"));
  }

  boxTools(field, boxes, box) {
    const meant = box ?? (boxes.length === 1 ? 0 : null);
    const parts = h("input", { id: "parts", type: "number", min: 2, max: 60, "aria-label": "Number of boxes" });
    parts.value = field.keys.length?.[1] ?? 2;
    const tools = [
      meant !== null && h("span", { class: "chips" }, this.button("Split into", () => this.model.split(field.id, meant, Math.min(60, Math.max(2, Math.round(Number(parts.value)) || 2)))), parts),
      boxes.length > 1 && box === null && this.button("Join to one box", () => this.model.joinBoxes(field.id)),
      box > 0 && this.button("New field from here", () => this.model.part(field.id, box)),
      this.button(box === null ? "Delete field" : "Delete box", () => (this.model.remove(), this.app.toForm())),
    ];
    return h("div", { class: "chips box-tools" }, tools.filter(Boolean));
  }

  button(text, act) {
    return h("button", { type: "button", onclick: act }, text);
  }

  rules(fields) {
    const kind = this.kind(fields);
    const ids = fields.map((one) => one.id);
    const { stand, free } = standing(fields, kind);
    const [first] = fields;
    const said = (name) => (value) => this.model.say(ids, RULES[name].key ?? name, value);
    const add = h(
      "select",
      { id: "add-rule", "aria-label": "Add a rule", onchange: (event) => this.added(event.target.value, ids) },
      h("option", { value: "" }, "Add a rule..."),
      free.map((name) => h("option", { value: name }, RULES[name].title)),
    );
    return h("div", { class: "rules" }, h("h3", {}, "What it must be"), stand.map((name) => drawn(name, first.keys[RULES[name].key ?? name], this.menus, said(name))), add);
  }

  added(name, ids) {
    if (!name) return;
    this.model.say(ids, RULES[name].key ?? name, RULES[name].usual);
    this.model.together = null;
    const input = document.getElementById(`rule-${name}`) ?? document.getElementById("add-rule");
    input?.focus();
    input?.select?.();
  }

  trial(field) {
    const answer = h("p", { class: "tried", role: "status" });
    const input = h("input", { id: "trial", autocomplete: "off", oninput: () => this.tried(field.id, input.value, answer) });
    return h("div", {}, h("label", { for: "trial" }, "Try a value"), input, answer);
  }

  async tried(id, value, answer) {
    if (!value) return answer.replaceChildren();
    const broken = await this.app.tryValue(id, value);
    if (!broken) return;
    answer.replaceChildren(broken.length ? h("span", { class: "reason" }, `should be ${broken.join("; ")}`) : h("span", { class: "fine" }, "keeps all rules"));
  }

  several(fields) {
    return [
      h("h2", {}, count(fields.length, "field")),
      h("ul", { class: "problems", "aria-label": "To be put right" }),
      this.kindMenu(fields),
      h("div", { class: "chips box-tools" }, new Set(fields.map(pageOf)).size === 1 && this.button("Join to one field", () => this.model.joinFields()), this.button(`Delete ${fields.length} fields`, () => (this.model.remove(), this.app.toForm()))),
      this.kind(fields) ? this.rules(fields) : h("p", { class: "quiet" }, "Fields of several kinds: rules are set for one kind at a time."),
    ];
  }

  // --- nothing selected: the form

  form() {
    const { form, checks } = this.model.document;
    const line = (key, title, note) => {
      const input = h("input", { id: `form-${key}`, autocomplete: "off", oninput: (event) => this.model.form(key, event.target.value) });
      input.value = form[key] ?? "";
      return [h("label", { for: `form-${key}` }, title), input, note ? h("span", { class: "quiet note" }, note) : null].filter(Boolean);
    };
    const codes = h("select", { id: "form-codes", onchange: (event) => this.model.form("codes", { yes: true, no: false }[event.target.value]) }, [["", "if the form has one"], ["yes", "always"], ["no", "never"]].map(([value, title]) => h("option", { value }, title)));
    codes.value = form.codes === true ? "yes" : form.codes === false ? "no" : "";
    return [
      h("h2", {}, "The form"),
      h("p", { class: "quiet" }, `${form.width} x ${form.height} pixels${form.dpi ? `, ${form.dpi.toLocaleString("en")} dpi` : ""}; ${count(this.model.fields.length, "field")}`),
      h("ul", { class: "problems", "aria-label": "To be put right" }),
      ...line("name", "Its name"),
      ...line("version", "Its version", "as its makers call this printing"),
      h("label", { for: "form-codes" }, "Look for QR codes"),
      codes,
      h("h3", {}, "Checks across fields"),
      h("ul", { class: "check-words words" }),
      ...checks.map((check, nth) => this.check(check, nth)),
      this.button("Add a check", () => {
        this.model.checks([...this.model.document.checks, { id: this.model.newId(), keys: { compare: "" } }]);
        document.getElementById(`check-${this.model.document.checks.length - 1}`)?.focus();
      }),
    ];
  }

  check(check, nth) {
    const { compare, sum, equals } = check.keys;
    const changed = (keys) => this.model.checks(this.model.document.checks.map((one, k) => (k === nth ? { ...one, keys } : one)));
    const gone = h("button", { type: "button", class: "small", "aria-label": `Take away check ${nth + 1}`, onclick: () => this.model.checks(this.model.document.checks.filter((_, k) => k !== nth)) }, "\u00D7");
    const input = h("input", { id: `check-${nth}`, autocomplete: "off", spellcheck: false, "aria-label": `Check ${nth + 1}, such as first <= last, or q1 + q2 = total` });
    // A sum stays written as one as long as nobody changes it.
    input.value = compare ?? (sum ? `${sum.join(" + ")} = ${equals?.toml ?? equals ?? ""}` : "");
    input.addEventListener("input", () => {
      const rest = { ...check.keys, compare: input.value };
      delete rest.sum;
      delete rest.equals;
      changed(rest);
    });
    return h("div", { class: "rule check" }, input, gone);
  }

  // --- a scan that was dropped

  scan() {
    const { name, page, pages, reading, busy } = this.app.scan;
    const turn = (by) => this.button(by < 0 ? "Page before" : "Next page", () => this.app.turn(by));
    const head = [h("h2", {}, name), pages > 1 ? h("div", { class: "chips" }, page > 1 && turn(-1), h("span", {}, `page ${page} of ${pages}`), page < pages && turn(1)) : null].filter(Boolean);
    if (busy) return [...head, h("p", {}, "Reading...")];
    if (!reading) return head;
    const tools = h("div", { class: "chips box-tools" }, this.button("Read again", () => this.app.readScan()), this.button("Close", () => this.app.closeScan()));
    if (reading.refused) return [...head, h("p", { class: "reason refused" }, reading.refused), tools];
    const flagged = reading.fields.filter((one) => one.reasons.length);
    return [
      ...head,
      h("p", {}, h("b", { class: "score" }, `${Math.round(100 * reading.score)} %`), ` of the printed form found, by its ${reading.method}`),
      h("p", {}, `${count(reading.fields.length, "field")} read, ${flagged.length ? `${flagged.length} of them flagged` : "none flagged"}; the values stand beside their names.`),
      tools,
    ];
  }
}

function lengthOf(text) {
  const found = /^\s*(\d{1,4})\s*(?:-|to|,|\u2013)\s*(\d{1,4})\s*$/.exec(text);
  if (found) return [Number(found[1]), Number(found[2])];
  return /^\s*\d{1,4}\s*$/.test(text) ? Number(text) : text;
}
