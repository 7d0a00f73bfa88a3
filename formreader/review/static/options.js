// The options of a choice as buttons below its strip: keys 1 to 9, or an option's own letter, mark them.

import { h, percent } from "./dom.js";

const SEVERAL = ";";
const UNREAD = "?";

export class Options {
  constructor(field, changed) {
    Object.assign(this, { field, changed, unread: false, buttons: [] });
    this.reset();
  }

  get value() {
    if (this.unread) return UNREAD;
    return this.field.options.filter((_, nth) => this.chosen.has(nth)).map(({ text }) => text).join(SEVERAL);
  }

  reset() {
    const texts = this.field.value.split(SEVERAL);
    this.unread = this.field.value === UNREAD;
    this.chosen = new Set(this.field.options.flatMap(({ text }, nth) => (texts.includes(text) ? [nth] : [])));
    this.fill();
  }

  draw() {
    const { options, field, many } = this.field;
    this.buttons = options.map((option, nth) => {
      const seen = option.confidence === null ? "" : option.doubtful ? "in doubt" : option.marked ? `marked, ${percent(option.confidence)}` : "";
      const key = nth < 9 ? h("kbd", {}, String(nth + 1)) : "";
      return h("button", { type: "button", class: option.doubtful ? "option doubtful" : "option", tabindex: nth ? "-1" : "0", onclick: () => this.toggle(nth) }, key, " ", h("b", {}, option.text), " ", h("small", { class: "quiet" }, seen));
    });
    this.fill();
    return h("div", { class: "options", role: "group", "aria-label": many ? `${field}: all that is marked` : `${field}: what is marked` }, this.buttons);
  }

  fill() {
    this.buttons.forEach((button, nth) => button.setAttribute("aria-pressed", String(this.chosen.has(nth))));
  }

  toggle(nth) {
    const was = this.chosen.has(nth);
    if (!this.field.many && !this.unread && this.chosen.size === 1 && was) this.chosen.clear();
    else if (!this.field.many) this.chosen = new Set([nth]);
    else if (was) this.chosen.delete(nth);
    else this.chosen.add(nth);
    this.unread = false;
    this.fill();
    this.focus(nth);
    this.changed();
  }

  clear(unread = false) {
    this.chosen.clear();
    this.unread = unread;
    this.fill();
    this.changed();
  }

  focus(nth = Math.max(0, this.field.options.findIndex((_, at) => this.chosen.has(at)))) {
    const to = Math.min(Math.max(nth, 0), this.buttons.length - 1);
    this.buttons.forEach((button, at) => (button.tabIndex = at === to ? 0 : -1));
    this.buttons[to]?.focus();
  }

  // Take a key; false where it is none of the options'.
  key(key) {
    const { options } = this.field;
    const at = this.buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
    const lettered = options.flatMap(({ text }, nth) => (text.length === 1 && text.toLowerCase() === key.toLowerCase() ? [nth] : []));
    if (step) this.focus(at + step);
    else if (lettered.length === 1) this.toggle(lettered[0]); // a bubble's own digit before its place
    else if (/^[1-9]$/.test(key) && options[key - 1]) this.toggle(key - 1);
    else if (key === " " && at >= 0) this.toggle(at);
    else if (key === "Delete" || key === "Backspace") this.clear();
    else return false;
    return true;
  }
}
