// The fields in reading order: a name each, which Tab goes through, and what is wrong with it.

import { count, h, inWords } from "./dom.js";
import { boxesOf, kindOf } from "./model.js";

export class List {
  constructor(place, model, app) {
    Object.assign(this, { place, model, app, rows: new Map() });
  }

  draw() {
    const order = this.model.listed;
    const ids = new Set(order.map((one) => one.id));
    for (const [id, row] of this.rows) if (!ids.has(id)) (row.item.remove(), this.rows.delete(id));
    order.forEach((field, nth) => {
      const row = this.rows.get(field.id) ?? this.made(field.id);
      if (this.place.children[nth] !== row.item) this.place.insertBefore(row.item, this.place.children[nth] ?? null);
      this.filled(row, field, nth);
    });
    if (!order.length) this.place.replaceChildren(h("li", { class: "quiet none" }, "No fields yet: take New field and drag over a box of the form."));
    else this.place.querySelector(".none")?.remove();
  }

  made(id) {
    const input = h("input", {
      class: "field-name",
      autocomplete: "off",
      spellcheck: false,
      onfocus: () => (this.model.ids.length === 1 && this.model.ids[0] === id ? null : this.model.select([id])),
      oninput: (event) => this.model.rename(id, event.target.value),
      onkeydown: (event) => this.key(event),
    });
    const row = { input, number: h("span", { class: "nth", "aria-hidden": "true" }), about: h("span", { class: "about" }), read: h("span", { class: "read-value" }), wrong: h("p", { class: "problem", id: `wrong-${id}` }) };
    const line = h("div", { class: "line", onmousedown: (event) => this.pressed(event, id), onclick: (event) => event.target === input || event.shiftKey || event.ctrlKey || event.metaKey || (this.model.select([id]), input.focus()) }, row.number, input, row.about);
    row.item = h("li", {}, line, row.read, row.wrong);
    this.rows.set(id, row);
    return row;
  }

  filled(row, field, nth) {
    const isSelected = this.model.ids.includes(field.id);
    const problems = this.app.problemsOf(field.id);
    const read = this.app.readOf(field.name);
    const state = [field, nth, isSelected, problems.join("\n"), read];
    if (row.state && row.state.every((one, k) => one === state[k])) return;
    row.state = state;
    row.number.textContent = nth + 1;
    row.input.setAttribute("aria-label", `Name of field ${nth + 1}`);
    if (row.input.value !== (field.name ?? "")) row.input.value = field.name ?? "";
    row.item.classList.toggle("selected", isSelected);
    const boxes = boxesOf(field).length;
    row.about.textContent = kindOf(field) === "digits" ? (field.wide ? "wide box" : count(boxes, "box", "boxes")) : kindOf(field);
    row.wrong.textContent = problems.join("; ");
    row.input.setAttribute("aria-invalid", String(problems.length > 0));
    if (problems.length) row.input.setAttribute("aria-describedby", `wrong-${field.id}`);
    else row.input.removeAttribute("aria-describedby");
    row.read.replaceChildren(...(read ? this.read(read) : []));
  }

  // With Shift all fields from the selected one on, with Ctrl one more or one less.
  pressed(event, id) {
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const order = this.model.listed.map((one) => one.id);
    const { ids } = this.model;
    const [from, to] = [order.indexOf(ids[0]), order.indexOf(id)];
    if (event.shiftKey && from >= 0) this.model.select(from <= to ? order.slice(from, to + 1) : order.slice(to, from + 1).reverse());
    else this.model.select(ids.includes(id) ? ids.filter((one) => one !== id) : [...ids, id]);
    this.app.toForm();
  }

  read({ value, reasons, broken }) {
    const flags = reasons.filter((one) => one !== "rule" || !broken.length).map(inWords);
    const why = [...flags, ...broken.map((words) => `should be ${words}`)];
    return [h("b", { class: "mono" }, value || "blank"), why.length ? h("span", { class: "reason" }, why.join("; ")) : null].filter(Boolean);
  }

  key(event) {
    if (event.isComposing) return;
    const order = this.model.listed;
    const nth = order.findIndex((one) => this.rows.get(one.id)?.input === event.target);
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (to) (event.preventDefault(), this.rows.get(order[nth + to]?.id)?.input.select());
    else if (event.key === "Enter" || event.key === "Escape") (event.preventDefault(), this.app.toForm());
  }

  // Begin to name a field: all of its name is to be written over, or a first letter is there already.
  name(id, letter) {
    const { input } = this.rows.get(id);
    input.focus();
    input.select();
    if (letter) {
      this.model.rename(id, letter);
      input.value = letter;
      input.setSelectionRange(1, 1);
    }
  }

  reveal() {
    const [id] = this.model.ids;
    const row = this.rows.get(id);
    if (row && document.activeElement !== row.input) row.item.scrollIntoView({ block: "nearest" });
  }
}
