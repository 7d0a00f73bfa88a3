// The picture of a page with boxes over it: zoom and pan, select, draw, move and resize.

import { h } from "./dom.js";
import { around, boxesOf, kindOf, pageOf } from "./model.js";

const SVG = "http://www.w3.org/2000/svg";
const GRIP_PX = 9;
const TOUCH_PX = 16;
const CLICK_PX = 4; // who moves less than this while clicking did not drag
const [LEAST, MOST] = [0.02, 12];
const EDGES = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];
const NAMED_PX = 15; // boxes lower than this on the screen have no name beside them
const LETTER_PX = 6.6;

// Whether boxes stand where a text above this one would: in a table, it would be taken for the row above's.
function isCrowded([x, y, width, height], boxes) {
  const top = y - height / 3;
  return boxes.some(([left, above, wide, tall]) => left < x + width && x < left + wide && above < y - 2 && above + tall > top);
}

export function svg(tag, given = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function bounds(corners) {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
}

export class Sheet {
  constructor(place, model, app) {
    Object.assign(this, { place, model, app, view: { x: 0, y: 0, scale: 0 }, drawn: new Map(), tool: null, drags: 0 });
    this.image = svg("image", { x: 0, y: 0, preserveAspectRatio: "none" });
    this.paper = svg("rect", { class: "paper", x: 0, y: 0 });
    this.fields = svg("g");
    this.over = svg("g");
    this.svg = svg("svg", { "aria-hidden": "true" }, this.paper, this.image, this.fields, this.over);
    place.tabIndex = 0;
    place.setAttribute("role", "application");
    place.setAttribute("aria-label", "The form and its boxes");
    place.setAttribute("aria-describedby", "hint");
    place.append(this.svg);
    place.addEventListener("pointerdown", (event) => this.down(event));
    place.addEventListener("pointermove", (event) => this.moved(event));
    place.addEventListener("pointerup", (event) => this.up(event));
    place.addEventListener("pointercancel", () => this.stop());
    place.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    place.addEventListener("keydown", (event) => this.key(event));
    place.addEventListener("keyup", (event) => event.key === " " && this.space(false));
    new ResizeObserver(() => this.resized()).observe(place);
  }

  // Show a page: of the form, or of a scan with what was read on it.
  show({ src, width, height, scan = null }) {
    const isNew = src !== this.src || width !== this.width || height !== this.height;
    Object.assign(this, { src, width, height, scan });
    for (const element of [this.image, this.paper]) {
      element.setAttribute("width", width);
      element.setAttribute("height", height);
    }
    if (src) this.image.setAttribute("href", src);
    else this.image.removeAttribute("href");
    if (isNew) this.fit();
    this.draw();
  }

  get size() {
    return [this.place.clientWidth || 1, this.place.clientHeight || 1];
  }

  resized() {
    if (this.view.scale && !this.isWhole) this.look();
    else this.fit();
  }

  fit() {
    const [across, down] = this.size;
    if (!this.width) return;
    const scale = Math.min((across - 24) / this.width, (down - 24) / this.height);
    this.view = { scale: Math.max(LEAST, scale), x: this.width / 2 - across / scale / 2, y: this.height / 2 - down / scale / 2 };
    this.look();
    this.isWhole = true;
  }

  look() {
    const { x, y, scale } = this.view;
    const [across, down] = this.size;
    this.svg.setAttribute("viewBox", `${x} ${y} ${across / scale} ${down / scale}`);
    this.svg.style.setProperty("--px", String(1 / scale));
    this.svg.classList.toggle("crisp", scale > 2);
    this.isWhole = false;
    this.drawOver();
    this.drawNames();
  }

  zoom(factor, at = this.size.map((side) => side / 2)) {
    const { x, y, scale } = this.view;
    const next = Math.min(MOST, Math.max(LEAST, scale * factor));
    this.view = { scale: next, x: x + at[0] / scale - at[0] / next, y: y + at[1] / scale - at[1] / next };
    this.look();
  }

  pan(dx, dy) {
    const { x, y, scale } = this.view;
    const [across, down] = this.size;
    const clamp = (value, side, room) => Math.min(side - 40 / scale, Math.max(40 / scale - room, value));
    this.view = { scale, x: clamp(x + dx / scale, this.width, across / scale), y: clamp(y + dy / scale, this.height, down / scale) };
    this.look();
  }

  // Bring what is selected into view, and close enough to be seen.
  reveal() {
    const boxes = this.model.selected.filter((one) => pageOf(one) === this.model.page).flatMap(boxesOf);
    if (!boxes.length || this.scan) return;
    const [x, y, w, height] = around(boxes);
    const { scale, x: left, y: top } = this.view;
    const [across, down] = this.size;
    const margin = 30 / scale;
    const isSeen = x >= left + margin && y >= top + margin && x + w <= left + across / scale - margin && y + height <= top + down / scale - margin;
    const isClear = this.model.ids.length > 1 || boxes[0][3] * scale >= 14;
    if (isSeen && isClear) return;
    const wanted = isClear ? scale : 30 / boxes[0][3];
    const next = Math.min(wanted, (0.9 * across) / w, (0.9 * down) / height);
    // The paper fills the view as far as it can.
    const within = (middle, room, side) => (room >= side ? (side - room) / 2 : Math.min(side - room + 12 / next, Math.max(-12 / next, middle - room / 2)));
    this.view = { scale: next, x: within(x + w / 2, across / next, this.width), y: within(y + height / 2, down / next, this.height) };
    this.look();
  }

  // --- drawing

  draw() {
    const shown = this.scan ? [] : this.model.fields.filter((one) => pageOf(one) === this.model.page && boxesOf(one).length);
    const ids = new Set(shown.map((one) => one.id));
    for (const [id, { element }] of this.drawn) {
      if (ids.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
    const boxes = shown.flatMap(boxesOf);
    for (const field of shown) {
      const state = `${this.model.ids.includes(field.id)} ${this.app.isWrong(field.id)}`;
      const known = this.drawn.get(field.id);
      if (known && known.field === field && known.state === state) continue;
      const element = this.drawnField(field, boxes);
      if (known) known.element.replaceWith(element);
      else this.fields.append(element);
      this.drawn.set(field.id, { element, field, state });
    }
    this.drawOver();
    this.drawNames();
  }

  drawnField(field, others) {
    const isSelected = this.model.ids.includes(field.id);
    const isWrong = this.app.isWrong(field.id);
    const boxes = boxesOf(field);
    const rects = boxes.map(([x, y, width, height]) => svg("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height) }));
    const [left, top] = around(boxes);
    const name = svg("text", { x: left, y: top, class: isCrowded(boxes[0], others) ? "name inside" : "name" });
    name.textContent = `${isWrong ? "\u26A0 " : ""}${field.name ?? ""}`;
    const numbers = isSelected && boxes.length > 1 ? boxes.map(([x, y], nth) => this.number(x, y, nth + 1)) : [];
    return svg("g", { class: `field ${kindOf(field)}${isSelected ? " selected" : ""}${isWrong ? " wrong" : ""}`, "data-id": field.id }, ...rects, ...numbers, name);
  }

  number(x, y, nth) {
    const text = svg("text", { x, y, class: "number" });
    text.textContent = nth;
    return text;
  }

  drawNames() {
    for (const { element, field } of this.drawn.values()) {
      const [, , width, height] = around(boxesOf(field));
      const room = element.querySelector(".inside") ? 1.1 : 1.6;
      const fits = height * this.view.scale >= NAMED_PX && (field.name ?? "").length * LETTER_PX <= room * width * this.view.scale;
      const isShown = fits || (this.model.ids.length === 1 && this.model.ids[0] === field.id);
      element.classList.toggle("named", isShown);
    }
  }

  // What lies over the boxes: grips of the one that is meant, the frame that is being drawn, or what was read.
  drawOver() {
    if (this.scan) return this.over.replaceChildren(...this.drawnReading());
    const target = this.target();
    const size = GRIP_PX / this.view.scale;
    const grips = target
      ? EDGES.map(([right, low]) => svg("rect", { class: "grip", x: target.box[0] + right * target.box[2] - size / 2, y: target.box[1] + low * target.box[3] - size / 2, width: size, height: size }))
      : [];
    const meant = target && this.model.box !== null ? [svg("rect", { class: "meant", x: target.box[0], y: target.box[1], width: target.box[2], height: target.box[3] })] : [];
    const frame = this.frame ? [svg("rect", { class: this.drag?.kind === "draw" ? "new-box" : "band", x: this.frame[0], y: this.frame[1], width: this.frame[2], height: this.frame[3] })] : [];
    this.over.replaceChildren(...meant, ...grips, ...frame);
  }

  drawnReading() {
    const { reading } = this.scan;
    if (!reading?.boxes) return [];
    const flagged = new Set(reading.fields.filter((one) => one.reasons.length).map((one) => one.name));
    const values = new Map(reading.fields.map((one) => [one.name, one]));
    const seen = new Set();
    const places = new Map(reading.boxes.map((box) => [box, bounds(box.corners)]));
    const all = [...places.values()];
    return reading.boxes.flatMap((box) => {
      const isFlagged = flagged.has(box.field);
      const shape = svg("polygon", { points: box.corners.map((corner) => corner.join()).join(" "), class: isFlagged ? "read flagged" : "read" });
      if (isCrowded(places.get(box), all)) return [shape, this.mark(box, isFlagged)];
      if (seen.has(box.field)) return [shape];
      seen.add(box.field);
      const text = svg("text", { x: Math.min(...box.corners.map(([x]) => x)), y: Math.min(...box.corners.map(([, y]) => y)), class: isFlagged ? "value flagged" : "value" });
      const read = values.get(box.field);
      text.textContent = `${isFlagged ? "\u26A0 " : ""}${read?.value || (read?.reasons.length ? "" : "\u2013")}`;
      return [shape, text];
    });
  }

  // In a table each digit stands in the corner of its own box.
  mark({ corners, digit, reason }, isFlagged) {
    const [x, y] = bounds(corners);
    const text = svg("text", { x, y, class: isFlagged ? "value mark flagged" : "value mark" });
    text.textContent = digit ?? (reason === "blank" ? "" : "?");
    return text;
  }

  // The one box that grips belong to.
  target() {
    const field = this.model.one;
    if (!field || this.scan || pageOf(field) !== this.model.page) return null;
    const boxes = boxesOf(field);
    const nth = this.model.box ?? (boxes.length === 1 ? 0 : null);
    return nth !== null && boxes[nth] ? { field, nth, box: boxes[nth] } : null;
  }

  // --- mouse, pen and finger

  at(event) {
    const { left, top } = this.place.getBoundingClientRect();
    return [this.view.x + (event.clientX - left) / this.view.scale, this.view.y + (event.clientY - top) / this.view.scale];
  }

  hit([x, y]) {
    const near = 2 / this.view.scale;
    let best = null;
    for (const { field } of this.drawn.values()) {
      boxesOf(field).forEach(([left, top, width, height], nth) => {
        if (x < left - near || y < top - near || x > left + width + near || y > top + height + near) return;
        const rank = (this.model.ids.includes(field.id) ? 0 : 1e12) + width * height;
        if (!best || rank < best.rank) best = { field, nth, rank };
      });
    }
    return best;
  }

  gripAt([x, y], event) {
    const target = this.target();
    if (!target) return null;
    const reach = (event.pointerType === "mouse" ? GRIP_PX : TOUCH_PX) / this.view.scale;
    const [left, top, width, height] = target.box;
    // Of a small box the inside stays free for moving it.
    const inside = x > left + width / 4 && x < left + (3 * width) / 4 && y > top + height / 4 && y < top + (3 * height) / 4;
    const edge = inside ? null : EDGES.find(([right, low]) => Math.abs(left + right * width - x) <= reach && Math.abs(top + low * height - y) <= reach);
    return edge ? { ...target, edge } : null;
  }

  down(event) {
    if (event.button > 1) return;
    this.place.focus({ preventScroll: true });
    event.preventDefault();
    this.place.setPointerCapture(event.pointerId);
    const from = this.at(event);
    const begun = { from, x: event.clientX, y: event.clientY, last: [event.clientX, event.clientY], isMoved: false, name: `drag ${(this.drags += 1)}` };
    if (event.button === 1 || this.isSpace || this.scan) this.drag = { ...begun, kind: "pan" };
    else if (this.tool || event.altKey) this.drag = { ...begun, kind: "draw" };
    else {
      const grip = this.gripAt(from, event);
      const hit = this.hit(from);
      if (grip) this.drag = { ...begun, kind: "resize", grip };
      else if (hit) this.drag = { ...begun, kind: "move", hit, was: this.pressed(hit, event) };
      else this.drag = { ...begun, kind: "band", add: event.shiftKey };
    }
  }

  // A press selects the field; on one that was selected a click means the single box.
  pressed({ field, nth }, event) {
    const { model } = this;
    const isSelected = model.ids.includes(field.id);
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      model.select(isSelected ? model.ids.filter((id) => id !== field.id) : [...model.ids, field.id]);
      return null;
    }
    if (!isSelected) model.select([field.id]);
    else if (model.ids.length === 1) return { nth };
    return isSelected ? { alone: true } : null;
  }

  moved(event) {
    const { drag } = this;
    if (!drag) return;
    if (!drag.isMoved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < CLICK_PX) return;
    drag.isMoved = true;
    const to = this.at(event);
    if (drag.kind === "pan") this.pan(drag.last[0] - event.clientX, drag.last[1] - event.clientY);
    drag.last = [event.clientX, event.clientY];
    if (drag.kind === "draw" || drag.kind === "band") {
      this.frame = [Math.min(drag.from[0], to[0]), Math.min(drag.from[1], to[1]), Math.abs(to[0] - drag.from[0]), Math.abs(to[1] - drag.from[1])];
      this.drawOver();
    } else if (drag.kind === "resize") this.resize(drag, to);
    else if (drag.kind === "move") this.move(drag, to);
  }

  move(drag, to) {
    const { model } = this;
    drag.begin ??= new Map(model.selected.map((field) => [field.id, boxesOf(field)]));
    const only = model.box;
    const [dx, dy] = [to[0] - drag.from[0], to[1] - drag.from[1]].map((by) => Math.round(by * 2) / 2);
    const ids = [...drag.begin.keys()];
    model.alter(ids, (field) => ({ ...field, boxes: drag.begin.get(field.id).map(([x, y, w, height], nth) => (only === null || nth === only ? [x + dx, y + dy, w, height] : [x, y, w, height])) }), { together: drag.name });
    model.at = performance.now() + 1e9; // one drag is one step, however long it takes
  }

  resize(drag, to) {
    const { field, nth, edge, box } = drag.grip;
    let [left, top, right, low] = [box[0], box[1], box[0] + box[2], box[1] + box[3]];
    if (edge[0] === 0) left = Math.min(to[0], right - 3);
    if (edge[0] === 1) right = Math.max(to[0], left + 3);
    if (edge[1] === 0) top = Math.min(to[1], low - 3);
    if (edge[1] === 1) low = Math.max(to[1], top + 3);
    const boxes = boxesOf(this.model.field(field.id)).map((one, k) => (k === nth ? [left, top, right - left, low - top] : one));
    this.model.place(field.id, boxes, drag.name);
    this.model.at = performance.now() + 1e9;
  }

  up(event) {
    const { drag, frame } = this;
    this.stop();
    if (!drag) return;
    if (drag.kind === "draw") this.drew(drag.isMoved && frame ? frame : this.usualAt(this.at(event)));
    else if (drag.kind === "band") this.banded(drag, drag.isMoved ? frame : null);
    else if (drag.kind === "move" && !drag.isMoved && drag.was?.alone) this.model.select([drag.hit.field.id]);
    else if (drag.kind === "move" && !drag.isMoved && drag.was) this.model.select(this.model.ids, boxesOf(drag.hit.field).length > 1 ? drag.was.nth : null);
  }

  stop() {
    this.drag = null;
    this.frame = null;
    this.model.together = null;
    this.drawOver();
  }

  banded(drag, frame) {
    if (!frame) return drag.add ? undefined : this.model.select([]);
    const [x, y, w, height] = frame;
    const touched = [...this.drawn.values()].filter(({ field }) => boxesOf(field).some(([left, top, width, tall]) => left < x + w && x < left + width && top < y + height && y < top + tall));
    const ids = touched.map(({ field }) => field.id);
    this.model.select(drag.add ? [...new Set([...this.model.ids, ...ids])] : ids);
  }

  // A box as large as those that are there, around a place.
  usualAt([x, y]) {
    const like = boxesOf(this.model.one ?? this.model.listed.find((one) => boxesOf(one).length) ?? {})[0] ?? [0, 0, 60, 80];
    const { one } = this.model;
    // Beside the last box of its field, a box stands where the next one is expected.
    const boxes = one ? boxesOf(one) : [];
    return this.tool === "box" && boxes.length > 1 && this.byKey ? [2 * boxes.at(-1)[0] - boxes.at(-2)[0], ...boxes.at(-1).slice(1)] : [x - like[2] / 2, y - like[3] / 2, like[2], like[3]];
  }

  drew(frame) {
    const [x, y, w, height] = frame;
    const [left, top] = [Math.max(0, x), Math.max(0, y)];
    const box = [left, top, Math.min(this.width, x + w) - left, Math.min(this.height, y + height) - top];
    if (box[2] < 3 || box[3] < 3) return;
    if (this.tool === "box" && this.model.one) this.model.addTo(this.model.one.id, box);
    else this.model.add(box);
  }

  use(tool) {
    this.tool = this.tool === tool ? null : tool;
    this.place.classList.toggle("drawing", this.tool !== null);
    this.app.drawTools();
    if (this.tool) this.place.focus({ preventScroll: true });
  }

  space(isDown) {
    this.isSpace = isDown;
    this.place.classList.toggle("panning", isDown);
  }

  wheel(event) {
    event.preventDefault();
    const { left, top } = this.place.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 32 : 1;
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(-event.deltaY * lines * 0.0022), [event.clientX - left, event.clientY - top]);
    else if (event.shiftKey) this.pan((event.deltaX || event.deltaY) * lines, 0);
    else this.pan(event.deltaX * lines, event.deltaY * lines);
  }

  // --- keys, while the form has the focus

  key(event) {
    if (event.isComposing || (event.target !== this.place)) return;
    const done = event.ctrlKey || event.metaKey ? this.withControl(event) : this.plain(event);
    if (done) event.preventDefault();
  }

  withControl({ key }) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const field = this.model.one;
    if (key === "a" && !this.scan) return (this.model.select(this.model.listed.filter((one) => pageOf(one) === this.model.page).map((one) => one.id)), true);
    if (!by || !field || this.scan) return false;
    const many = boxesOf(field).length;
    const nth = this.model.box === null ? (by > 0 ? 0 : many - 1) : this.model.box + by;
    if (nth >= 0 && nth < many) this.model.select([field.id], nth);
    return true;
  }

  plain(event) {
    const { key, shiftKey, altKey } = event;
    const { model } = this;
    if (key === "+" || key === "=") return (this.zoom(1.25), true);
    if (key === "-" || key === "_") return (this.zoom(0.8), true);
    if (key === "0") return (this.fit(), true);
    if (key === " ") return (this.space(true), true);
    if (this.scan) return this.arrows(event, (dx, dy) => this.pan(60 * dx, 60 * dy));
    if (key === "Tab") return model.ids.length > 0 && model.step(shiftKey ? -1 : 1);
    const by = { PageDown: 1, PageUp: -1 }[key];
    if (by) return (shiftKey && model.ids.length ? model.extend(by) : model.step(by), true);
    if (key === "Home" || key === "End") return (model.select([model.listed.at(key === "Home" ? 0 : -1)?.id].filter(Boolean)), true);
    if (key === "Escape") return this.escape();
    if (key === "Insert") return (this.insert(shiftKey && model.one ? "box" : "field"), true);
    if (key === "Enter" && this.tool) return (this.insert(this.tool), true);
    if (!model.ids.length) return this.arrows(event, (dx, dy) => this.pan(60 * dx, 60 * dy));
    if (this.arrows(event, (dx, dy) => model.nudge(dx * (shiftKey ? 10 : 1), dy * (shiftKey ? 10 : 1), altKey))) return true;
    if (key === "Delete" || key === "Backspace") return (model.remove(), true);
    if (key === "Enter" || key === "F2") return (this.app.name(), true);
    // Letters typed on a field name it, as in a spreadsheet's cell.
    if (!altKey && /^[\p{L}_]$/u.test(key)) return (this.app.name(key), true);
    return false;
  }

  arrows({ key }, act) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (way) act(...way);
    return Boolean(way);
  }

  escape() {
    if (this.tool) this.use(null);
    else if (this.model.box !== null) this.model.select(this.model.ids);
    else if (this.model.ids.length) this.model.select([]);
    else return false;
    return true;
  }

  insert(what) {
    const [across, down] = this.size;
    const middle = [this.view.x + across / this.view.scale / 2, this.view.y + down / this.view.scale / 2];
    const was = this.tool;
    Object.assign(this, { tool: what, byKey: true });
    this.drew(this.usualAt(middle));
    Object.assign(this, { tool: was, byKey: false });
  }
}
