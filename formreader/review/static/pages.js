// The whole page with a field marked: zoom with the wheel, + and -, pan by dragging and with the arrows, Escape closes.

import { h } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 1.3;
const MOST = 8;

export async function openPage(app, place, title) {
  const marked = await app.get("page_marked", { reading: place.reading, field: place.field });
  if (marked.missing) return app.say(`The page cannot be shown. ${marked.missing}`, "bad");
  return new Promise((closed) => new WholePage(app, marked, place, title, closed));
}

class WholePage {
  constructor(app, marked, place, title, closed) {
    Object.assign(this, { marked, scale: 1, x: 0, y: 0, drags: null });
    const image = h("img", { src: `/api/page_picture?reading=${place.reading}&code=${app.now.code}`, alt: `The page ${title}`, draggable: false, width: marked.width, height: marked.height });
    this.sheet = h("div", { class: "sheet" }, image, this.marks());
    this.view = h("div", { class: "view", tabindex: "0", role: "group", "aria-label": `The whole page, ${place.field} marked; arrows move, plus and minus zoom` }, this.sheet);
    const button = (text, label, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.dialog = h(
      "dialog",
      { class: "whole-page", "aria-label": `Page of ${place.field}` },
      h(
        "div",
        { class: "whole-bar" },
        h("strong", {}, place.field),
        h("span", { class: "quiet" }, title),
        h("span", { class: "chips" }, button("\u2212", "Smaller (-)", () => this.zoom(1 / STEP)), button("+", "Larger (+)", () => this.zoom(STEP)), button("Page", "All of the page (0)", () => this.fit()), button("Field", "The field (F)", () => this.toField())),
        h("button", { type: "button", class: "first", onclick: () => this.dialog.close() }, "Close ", h("kbd", {}, "Esc")),
      ),
      this.view,
    );
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      closed();
    });
    this.view.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, event);
    }, { passive: false });
    this.view.addEventListener("pointerdown", (event) => {
      this.view.setPointerCapture(event.pointerId);
      this.drags = { x: event.clientX - this.x, y: event.clientY - this.y };
    });
    this.view.addEventListener("pointermove", (event) => this.drags && this.to(event.clientX - this.drags.x, event.clientY - this.drags.y));
    this.view.addEventListener("pointerup", () => (this.drags = null));
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.toField();
    this.view.focus();
  }

  marks() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${this.marked.width} ${this.marked.height}`);
    svg.setAttribute("aria-hidden", "true");
    for (const box of this.marked.boxes) {
      const drawn = document.createElementNS(SVG, "polygon");
      drawn.setAttribute("points", box.map((point) => point.join(",")).join(" "));
      svg.append(drawn);
    }
    return svg;
  }

  get region() {
    const points = this.marked.boxes.flat();
    if (!points.length) return { x: 0, y: 0, width: this.marked.width, height: this.marked.height };
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
  }

  get whole() {
    return Math.min(this.view.clientWidth / this.marked.width, this.view.clientHeight / this.marked.height);
  }

  // The field in the middle, with room for what is around it.
  toField() {
    const { x, y, width, height } = this.region;
    const wanted = Math.min(this.view.clientWidth / (3 * width + 1), this.view.clientHeight / (8 * height + 1), 2);
    this.scale = Math.max(this.whole, wanted);
    this.to(this.view.clientWidth / 2 - (x + width / 2) * this.scale, this.view.clientHeight / 2 - (y + height / 2) * this.scale);
  }

  fit() {
    this.scale = this.whole;
    this.to((this.view.clientWidth - this.marked.width * this.scale) / 2, (this.view.clientHeight - this.marked.height * this.scale) / 2);
  }

  zoom(by, event) {
    const box = this.view.getBoundingClientRect();
    const [cx, cy] = event ? [event.clientX - box.left, event.clientY - box.top] : [box.width / 2, box.height / 2];
    const scale = Math.min(MOST, Math.max(this.whole / 2, this.scale * by));
    const [x, y] = [cx - ((cx - this.x) * scale) / this.scale, cy - ((cy - this.y) * scale) / this.scale];
    this.scale = scale;
    this.to(x, y);
  }

  // A corner of the page always stays in view.
  to(x, y) {
    const room = 80;
    this.x = Math.min(this.view.clientWidth - room, Math.max(room - this.marked.width * this.scale, x));
    this.y = Math.min(this.view.clientHeight - room, Math.max(room - this.marked.height * this.scale, y));
    this.sheet.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  pressed(event) {
    event.stopPropagation();
    const by = { ArrowLeft: [90, 0], ArrowRight: [-90, 0], ArrowUp: [0, 90], ArrowDown: [0, -90] }[event.key];
    if (by) this.to(this.x + by[0], this.y + by[1]);
    else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.fit();
    else if (event.key === "f" || event.key === "F") this.toField();
    else if (event.key === "F2") this.dialog.close();
    else return;
    event.preventDefault();
  }
}
