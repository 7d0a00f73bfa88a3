// What can be said of a field, as menus: each rule with the input it takes.

import { h } from "./dom.js";

const kept = (value) => (value && typeof value === "object" && "toml" in value ? value.toml : value);
const shown = (value) => (value === undefined || value === null ? "" : String(kept(value)));
const listed = (value) => (Array.isArray(value) ? value.map(kept).join(", ") : "");
const parted = (text) => text.split(/[,\n]/).map((one) => one.trim()).filter(Boolean);
const number = (text) => (/^-?\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : text);
// "3" or "1 to 5"; what is neither goes on as it is, and is named as a problem.
const span = (text) => {
  const found = /^\s*(\d{1,6})\s*(?:-|to|\u2013)\s*(\d{1,6})\s*$/.exec(text);
  return found ? [Number(found[1]), Number(found[2])] : number(text.trim());
};
const asSpan = (value) => (Array.isArray(value) ? `${kept(value[0])} to ${kept(value[1])}` : shown(value));

const isSaid = (value) => value !== false; // a template may also say that something is not so

const text = (read = (one) => one, write = shown) => ({ input: "text", read, write });
const list = { input: "text", read: parted, write: listed };

// `of`: kinds of field that it is for; `usual`: what it begins with.
export const RULES = {
  date: { title: "A date, written as", of: ["digits"], usual: "DDMMYYYY", input: "select", options: (menus) => menus.dates.map((one) => [one, one]) },
  min: { title: "At least", of: ["digits"], usual: 0, ...text(number) },
  max: { title: "At most", of: ["digits"], usual: 100, ...text(number) },
  pattern: { title: "Of the pattern", of: ["digits", "key", "barcode"], usual: "[0-9]+", ...text() },
  one_of: { title: "One of", of: ["digits", "key", "barcode"], usual: [], ...list, note: "values with commas between them", when: (value) => Array.isArray(value) || value === undefined },
  one_of_file: { key: "one_of", title: "One of the column of a list", of: ["digits", "key", "barcode"], usual: { file: "list.csv", column: "id" }, input: "file", when: (value) => value !== undefined && !Array.isArray(value) && "file" in value },
  check_digit: { title: "With the check digit", of: ["digits", "barcode"], usual: "luhn", input: "select", options: (menus) => Object.entries(menus.check_digits) },
  format: { title: "A number of the kind", of: ["digits"], usual: "stdnum:", ...text((one) => `stdnum:${one}`, (value) => shown(value).replace(/^stdnum:/, "")), note: "such as isbn or eu.vat", suggestions: (menus) => menus.formats },
  unique: { title: "Different on every page", of: ["digits", "key", "barcode"], usual: true, input: "none", when: isSaid },
  required: { title: "Never blank", of: ["digits", "key", "choice", "barcode", "image"], usual: true, input: "none", when: isSaid },
  optional: { key: "required", title: "May be blank", of: ["choice", "barcode"], usual: false, input: "none", when: (value) => value === false },
  filler: { title: "Unused boxes may hold", of: ["digits"], usual: ["X", "-"], ...list, note: "X or -, or both" },
  filler_only: { title: "With nothing but these it is", of: ["digits"], usual: "blank", input: "select", options: () => [["struck", "flagged"], ["blank", "blank"], ["zero", "zero"]] },
  align: { title: "Digits stand on the", of: ["digits"], usual: "right", input: "select", options: () => [["right", "right"], ["left", "left"]] },
  decimals: { title: "Digits right of the point", of: ["digits"], usual: 1, ...text(span, asSpan) },
  point: { title: "The point is", of: ["digits"], usual: "written", ...text(number), note: "written, or where it is printed: x in pixels", when: (value, field) => value !== undefined || field.wide },
  missing: { title: "Codes for a missing value", of: ["digits"], usual: ["99"], ...list },
  allow: { title: "Words that may stand there", of: ["digits"], usual: ["AB"], ...list },
  options: { title: "Marks in their order", of: ["choice"], usual: ["A", "B"], ...list, note: "a text for each box" },
  many: { title: "Several may be marked", of: ["choice"], usual: true, input: "none", when: isSaid },
  severity: { title: "Who breaks a rule is", of: ["digits", "key", "barcode"], usual: "warning", input: "select", options: () => [["error", "flagged"], ["warning", "noted only"]] },
};

const keyOf = (name) => RULES[name].key ?? name;

// The rules that stand in all of the given fields, and those that could be added to them.
export function standing(fields, kind) {
  const [first] = fields;
  const has = (name) => {
    const value = first.keys[keyOf(name)];
    return value !== undefined && (RULES[name].when ? RULES[name].when(value, first) : true);
  };
  const names = Object.keys(RULES);
  const stand = names.filter(has);
  const keys = stand.map(keyOf);
  return { stand, free: names.filter((name) => RULES[name].of.includes(kind) && !keys.includes(keyOf(name)) && (name !== "point" || first.wide)) };
}

// One rule with its input; `said` is told what it is now, undefined where it goes.
export function drawn(name, value, menus, said) {
  const rule = RULES[name];
  const id = `rule-${name}`;
  const gone = h("button", { type: "button", class: "small", "aria-label": `Take away: ${rule.title}`, onclick: () => said(undefined) }, "\u00D7");
  const note = rule.note ? h("span", { class: "quiet note" }, rule.note) : null;
  const label = h("label", { for: rule.input === "none" ? false : id }, rule.title);
  if (rule.input === "none") return h("div", { class: "rule", "data-rule": name }, h("b", {}, rule.title), gone);
  if (rule.input === "file") return h("div", { class: "rule file", "data-rule": name }, label, gone, fileInputs(id, value, said));
  const input = rule.input === "select" ? choice(id, value, rule.options(menus), said) : h("input", { id, autocomplete: "off", spellcheck: false, oninput: (event) => said(rule.read(event.target.value)) });
  if (rule.input === "text") input.value = rule.write(value);
  if (rule.suggestions) {
    input.setAttribute("list", `${id}-list`);
    return h("div", { class: "rule", "data-rule": name }, label, gone, input, h("datalist", { id: `${id}-list` }, rule.suggestions(menus).map((one) => h("option", { value: one }))), note);
  }
  return h("div", { class: "rule", "data-rule": name }, label, gone, input, note);
}

function choice(id, value, options, said) {
  const known = options.some(([one]) => one === value) ? options : [...options, [shown(value), shown(value)]];
  const select = h("select", { id, onchange: (event) => said(event.target.value) }, known.map(([one, title]) => h("option", { value: one }, title)));
  select.value = shown(value);
  return select;
}

function fileInputs(id, value, said) {
  const inputs = ["file", "column"].map((key) => {
    const input = h("input", { id: key === "file" ? id : `${id}-${key}`, "aria-label": key === "file" ? "File beside the template" : "Its column", autocomplete: "off", oninput: () => said({ file: inputs[0].value, column: inputs[1].value }) });
    input.value = shown(value?.[key]);
    return input;
  });
  return inputs;
}
