// The template as it is edited: fields and their boxes, what is selected, and every step back and forth.
// A document is never changed in place: a step keeps the one before, and what is the same object needs no drawing.

const TOGETHER_MS = 1500; // letters of one name, or steps of one move, are one thing to take back
const MOST_STEPS = 1000;

export const boxesOf = (field) => field.boxes ?? [];
export const kindOf = (field) => field.kind ?? "digits";
export const pageOf = (field) => field.page ?? 1;
const round = (number) => Math.round(number * 2) / 2;

// Keys that speak of digits alone: a field of another kind must not have them.
const OF_DIGITS = ["length", "filler", "filler_only", "decimals", "point", "min", "max", "date", "check_digit", "format", "missing", "allow", "align"];
const OF_CHOICE = ["options", "many"];
const OF_TEXT = ["pattern", "one_of", "unique", "severity"];
const GONE = {
  digits: OF_CHOICE,
  key: [...OF_DIGITS, ...OF_CHOICE],
  choice: [...OF_DIGITS, ...OF_TEXT],
  barcode: [...OF_DIGITS.filter((key) => key !== "check_digit"), ...OF_CHOICE],
};

// Lines of text from top to bottom, and what stands in a line from left to right.
export function inReadingOrder(boxes, of = (one) => one) {
  const lines = [];
  const middle = (box) => box[1] + box[3] / 2;
  for (const one of [...boxes].sort((a, b) => middle(of(a)) - middle(of(b)))) {
    const line = lines.at(-1);
    const first = line && of(line[0]);
    if (first && Math.abs(middle(of(one)) - middle(first)) < 0.5 * Math.min(first[3], of(one)[3])) line.push(one);
    else lines.push([one]);
  }
  return lines.flatMap((line) => line.sort((a, b) => of(a)[0] - of(b)[0]));
}

export function around(boxes) {
  const left = Math.min(...boxes.map(([x]) => x));
  const top = Math.min(...boxes.map(([, y]) => y));
  const right = Math.max(...boxes.map(([x, , w]) => x + w));
  const low = Math.max(...boxes.map(([, y, , h]) => y + h));
  return [left, top, right - left, low - top];
}

// Boxes of one row stand from left to right; others stay as they were put.
function inWritingOrder(boxes) {
  const [, , , height] = boxes[0];
  const isRow = boxes.every((box) => Math.abs(box[1] + box[3] / 2 - boxes[0][1] - boxes[0][3] / 2) < height / 2);
  return isRow ? [...boxes].sort((a, b) => a[0] - b[0]) : boxes;
}

// The keys of a field of which only some boxes are left: the options of a choice go with their boxes.
function ofBoxes(field, stays) {
  const { options } = field.keys;
  const isEach = kindOf(field) === "choice" && Array.isArray(options) && options.length === boxesOf(field).length;
  return isEach ? { ...field.keys, options: options.filter(stays) } : field.keys;
}

export class Model {
  constructor(document) {
    this.document = document;
    this.ids = [];
    this.box = null; // of the one selected field, the box that is meant; null: all of them
    this.past = [];
    this.future = [];
    this.listeners = [];
    this.count = 0;
    this.page = 1;
  }

  told(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  get fields() {
    return this.document.fields;
  }

  field(id) {
    return this.fields.find((one) => one.id === id);
  }

  get selected() {
    return this.ids.map((id) => this.field(id)).filter(Boolean);
  }

  get one() {
    return this.ids.length === 1 ? this.field(this.ids[0]) : undefined;
  }

  // All fields as a person reads the form; those without a place come last.
  get listed() {
    if (this.listedOf !== this.fields) {
      const placed = this.fields.filter((one) => boxesOf(one).length);
      const pages = [...new Set(placed.map(pageOf))].sort((a, b) => a - b);
      const ordered = pages.flatMap((page) => inReadingOrder(placed.filter((one) => pageOf(one) === page), (one) => boxesOf(one)[0]));
      this.order = [...ordered, ...this.fields.filter((one) => !boxesOf(one).length)];
      this.listedOf = this.fields;
    }
    return this.order;
  }

  select(ids, box = null) {
    const same = box === this.box && ids.length === this.ids.length && ids.every((id, nth) => id === this.ids[nth]);
    if (same) return;
    this.ids = ids;
    this.box = ids.length === 1 ? box : null;
    if (this.one && boxesOf(this.one).length) this.page = pageOf(this.one);
    this.together = null;
    this.tell("selection");
  }

  // Select one field more in reading order.
  extend(by) {
    const order = this.listed.map((one) => one.id);
    const next = order[order.indexOf(this.ids.at(-1)) + by];
    if (next && !this.ids.includes(next)) this.select([...this.ids, next]);
  }

  step(by) {
    const order = this.listed;
    const at = order.findIndex((one) => one.id === (by > 0 ? this.ids.at(-1) : this.ids[0]));
    const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : at + by];
    if (!next) return false;
    this.select([next.id]);
    return true;
  }

  // Take a step; steps with the same name that follow each other at once are one.
  change(document, { together = null, ids = this.ids, box = this.box } = {}) {
    const now = performance.now();
    const goesOn = together !== null && together === this.together && now - this.at < TOGETHER_MS;
    if (!goesOn) {
      this.past.push({ document: this.document, ids: this.ids, box: this.box });
      if (this.past.length > MOST_STEPS) this.past.shift();
    }
    Object.assign(this, { document, ids, box: ids.length === 1 ? box : null, future: [], together, at: now });
    this.tell("document");
  }

  go(from, to) {
    const step = from.pop();
    if (!step) return false;
    to.push({ document: this.document, ids: this.ids, box: this.box });
    Object.assign(this, step, { together: null });
    this.ids = this.ids.filter((id) => this.field(id));
    this.tell("document");
    return true;
  }

  undo() {
    return this.go(this.past, this.future);
  }

  redo() {
    return this.go(this.future, this.past);
  }

  // --- edits

  with(changes, more = {}) {
    const fields = this.fields.map((one) => (changes.has(one.id) ? changes.get(one.id) : one)).filter(Boolean);
    this.change({ ...this.document, fields }, more);
  }

  alter(ids, altered, more = {}) {
    this.with(new Map(ids.map((id) => [id, altered(this.field(id))])), more);
  }

  rename(id, name) {
    this.alter([id], (field) => ({ ...field, name }), { together: `name ${id}` });
  }

  form(key, value) {
    const form = { ...this.document.form, [key]: value };
    if (value === undefined || value === "") delete form[key];
    this.change({ ...this.document, form }, { together: `form ${key}` });
  }

  // A rule, or whatever else stands in the fields' tables; undefined takes it away.
  say(ids, key, value) {
    const said = (field) => {
      const keys = { ...field.keys, [key]: value };
      if (value === undefined) delete keys[key];
      return { ...field, keys };
    };
    this.alter(ids, said, { together: `${key} ${ids.join()}` });
  }

  kind(ids, kind) {
    const gone = GONE[kind] ?? [...OF_DIGITS, ...OF_CHOICE, ...OF_TEXT];
    this.alter(ids, (field) => {
      const keys = Object.fromEntries(Object.entries(field.keys).filter(([key]) => !gone.includes(key)));
      const single = boxesOf(field).length === 1;
      const wide = single && kind !== "choice" && (kind !== "digits" || field.wide);
      if (kind === "digits" && wide && keys.length === undefined) keys.length = this.room(boxesOf(field)[0]);
      return { ...field, kind: kind === "digits" ? null : kind, wide, keys };
    });
  }

  // How many digits may stand in a wide box: a digit is about half as wide as its box is high.
  room([, , width, height]) {
    return [1, Math.min(20, Math.max(2, Math.round(width / height / 0.5)))];
  }

  shaped(field, boxes) {
    const wide = boxes.length === 1 && field.wide;
    const keys = { ...field.keys };
    if (!wide) for (const key of ["length", "point"]) delete keys[key];
    if (boxes.length) for (const key of ["box", "boxes"]) delete keys[key]; // what could not be understood before
    return { ...field, boxes, wide, keys };
  }

  newName() {
    const taken = new Set(this.fields.map((one) => one.name));
    for (let nth = this.fields.length + 1; ; nth += 1) {
      const name = `field_${String(nth).padStart(2, "0")}`;
      if (!taken.has(name)) return name;
    }
  }

  newId() {
    this.count += 1;
    return `new-${Date.now().toString(36)}-${this.count}`;
  }

  // Put a field where it is read, after the one that is read before it.
  placed(field) {
    const { fields } = this;
    const order = inReadingOrder([...fields.filter((one) => boxesOf(one).length && pageOf(one) === pageOf(field)), field], (one) => boxesOf(one)[0]);
    const before = order[order.indexOf(field) - 1];
    const later = fields.findIndex((one) => pageOf(one) >= pageOf(field));
    const at = before ? fields.indexOf(before) + 1 : later < 0 ? fields.length : later;
    return [...fields.slice(0, at), field, ...fields.slice(at)];
  }

  add(box) {
    const rounded = box.map(round);
    const page = this.page > 1 ? this.page : null;
    const field = { id: this.newId(), name: this.newName(), kind: null, page, boxes: [rounded], wide: false, keys: {} };
    if (rounded[2] > 1.6 * rounded[3]) Object.assign(field, { wide: true, keys: { length: this.room(rounded) } });
    this.change({ ...this.document, fields: this.placed(field) }, { ids: [field.id], box: null });
  }

  // The boxes of a choice stay in the order of its options: a new one comes last.
  addTo(id, box) {
    const ordered = (field, boxes) => (kindOf(field) === "choice" ? boxes : inWritingOrder(boxes));
    this.alter([id], (field) => this.shaped(field, ordered(field, [...boxesOf(field), box.map(round)])), { box: null });
  }

  place(id, boxes, together) {
    this.alter([id], (field) => ({ ...field, boxes: boxes.map((box) => box.map(round)) }), { together });
  }

  // Move what is selected, or with `grow` its size.
  nudge(dx, dy, grow = false) {
    const moved = ([x, y, w, h]) => (grow ? [x, y, Math.max(2, w + dx), Math.max(2, h + dy)] : [x + dx, y + dy, w, h]);
    const only = this.box;
    this.alter(this.ids, (field) => ({ ...field, boxes: boxesOf(field).map((box, nth) => (only === null || nth === only ? moved(box).map(round) : box)) }), { together: `nudge ${grow}` });
  }

  split(id, nth, parts) {
    this.alter([id], (field) => {
      const [x, y, w, h] = boxesOf(field)[nth];
      const pieces = Array.from({ length: parts }, (_, k) => [x + (k * w) / parts, y, w / parts, h].map(round));
      return this.shaped({ ...field, wide: false }, boxesOf(field).flatMap((box, k) => (k === nth ? pieces : [box])));
    }, { box: null });
  }

  joinBoxes(id) {
    this.alter([id], (field) => {
      const boxes = boxesOf(field);
      const wide = kindOf(field) !== "choice";
      const keys = kindOf(field) === "digits" ? { ...field.keys, length: [1, Math.min(20, boxes.length)] } : field.keys;
      return { ...field, boxes: [around(boxes)], wide, keys };
    }, { box: null });
  }

  joinFields() {
    const [first, ...others] = this.listed.filter((one) => this.ids.includes(one.id));
    const boxes = [first, ...others].flatMap(boxesOf);
    const changes = new Map(others.map((one) => [one.id, null]));
    changes.set(first.id, this.shaped({ ...first, wide: false }, inWritingOrder(boxes)));
    this.with(changes, { ids: [first.id], box: null });
  }

  // The field's boxes from the nth on become a field of their own.
  part(id, nth) {
    const field = this.field(id);
    const rest = { ...field, id: this.newId(), name: this.newName(), boxes: boxesOf(field).slice(nth), keys: ofBoxes(field, (_, at) => at >= nth) };
    const fields = this.fields.flatMap((one) => (one.id === id ? [{ ...one, boxes: boxesOf(one).slice(0, nth), keys: ofBoxes(one, (_, at) => at < nth) }, rest] : [one]));
    this.change({ ...this.document, fields }, { ids: [rest.id], box: null });
  }

  remove() {
    const [field] = this.selected;
    if (!field) return;
    if (this.box !== null && boxesOf(field).length > 1) {
      const boxes = boxesOf(field).filter((_, nth) => nth !== this.box);
      const keys = ofBoxes(field, (_, nth) => nth !== this.box);
      return this.alter([field.id], (one) => this.shaped({ ...one, keys }, boxes), { box: null });
    }
    const order = this.listed;
    const at = order.indexOf(field);
    const next = order.slice(at).find((one) => !this.ids.includes(one.id)) ?? order.slice(0, at).reverse().find((one) => !this.ids.includes(one.id));
    this.with(new Map(this.ids.map((id) => [id, null])), { ids: next && this.ids.length === 1 ? [next.id] : [], box: null });
  }

  // Names in reading order, from the selected field on; gives how many were taken.
  names(names) {
    const order = this.listed;
    const from = Math.max(0, order.findIndex((one) => one.id === this.ids[0]));
    const changes = new Map();
    names.slice(0, order.length - from).forEach((name, nth) => changes.set(order[from + nth].id, { ...order[from + nth], name }));
    if (changes.size) this.with(changes);
    return changes.size;
  }

  checks(checks) {
    this.change({ ...this.document, checks }, { together: "checks" });
  }
}
