// A page and its form side by side: four corners to drag, the form's boxes laid over the scan under them.

import { h } from "./dom.js";

export const CORNERS = ["Top left", "Top right", "Bottom right", "Bottom left"];
const SVG = "http://www.w3.org/2000/svg";
const INSET = 0.04; // a corner on the very edge is hard to get hold of

function svg(tag, given = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Where a place of the scan, as shares of its sides, is shown on a picture turned right by so many right angles.
const SHOWN = [([x, y]) => [x, y], ([x, y]) => [1 - y, x], ([x, y]) => [1 - x, 1 - y], ([x, y]) => [y, 1 - x]];

// The homography, 9 numbers, of four places to four others (Gaussian elimination with pivots).
export function homography(from, to) {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i];
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  for (let column = 0; column < 8; column += 1) {
    let best = column;
    for (let row = column + 1; row < 8; row += 1) if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
    [rows[column], rows[best]] = [rows[best], rows[column]];
    if (Math.abs(rows[column][column]) < 1e-12) return null;
    for (let row = 0; row < 8; row += 1) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let k = column; k < 9; k += 1) rows[row][k] -= factor * rows[column][k];
    }
  }
  return [...rows.map((row, i) => row[8] / row[i]), 1];
}

export function mapped(map, [x, y]) {
  const z = map[6] * x + map[7] * y + map[8];
  return [(map[0] * x + map[1] * y + map[2]) / z, (map[3] * x + map[4] * y + map[5]) / z];
}

// By how many right angles a page is to be turned for the form's first corner to be at the top left.
function upright(corners) {
  const places = [[0, 0], [1, 0], [1, 1], [0, 1]];
  const off = SHOWN.map((shown) => corners.reduce((all, corner, i) => all + Math.hypot(shown(corner)[0] - places[i][0], shown(corner)[1] - places[i][1]), 0));
  return off.indexOf(Math.min(...off));
}

export class Sheet {
  constructor(page, form) {
    Object.assign(this, { page, form, turn: 0, corners: [], active: 0 });
    this.resized = () => this.placed();
    window.addEventListener("resize", this.resized);
    this.reset();
  }

  left() {
    window.removeEventListener("resize", this.resized);
  }

  // Corners are kept as shares of the unturned scan's sides, which is what the server is told.
  reset() {
    const [low, high] = [INSET, 1 - INSET];
    const shown = [[low, low], [high, low], [high, high], [low, high]];
    this.corners = shown.map(SHOWN[(4 - this.turn) % 4]);
    this.placed();
  }

  turned(by) {
    this.turn = (this.turn + by + 4) % 4;
    // The corners stay on the paper; which is which turns with the page.
    this.corners = this.corners.map((_, i) => this.corners[(i - by + 4) % 4]);
    if (this.image) this.image.src = this.address;
    this.placed();
  }

  get address() {
    return `/api/failure/picture?reading=${this.page.reading}&turn=${this.turn}`;
  }

  reference() {
    const { form } = this;
    const dots = CORNERS.map((name, i) => h("span", { class: `dot dot-${i}`, "aria-hidden": "true" }, String(i + 1)));
    return h("div", { class: "reference" }, h("img", { src: `/api/failure/form?form=${encodeURIComponent(form.name)}`, alt: `The form ${form.name}, empty` }), dots);
  }

  scan() {
    this.image = h("img", { src: this.address, alt: `The scan ${this.page.scan}`, draggable: "false" });
    this.image.addEventListener("load", () => this.placed());
    this.over = svg("svg", { class: "laid-over", "aria-hidden": "true" });
    this.handles = CORNERS.map((name, i) => this.handle(name, i));
    this.sheet = h("div", { class: "scan-sheet" }, this.image, this.over, this.handles);
    return h("div", { class: "scan-stage" }, this.sheet);
  }

  // Begin from where the program itself would have laid the form, unless a person moved a corner already.
  async suggested(fetched) {
    const { form, turn } = this;
    const before = JSON.stringify(this.corners);
    const { corners } = await fetched;
    if (corners && form === this.form && turn === this.turn && before === JSON.stringify(this.corners)) {
      this.corners = corners;
      this.turn = upright(corners);
      if (this.image) this.image.src = this.address;
      this.placed();
    }
  }

  handle(name, i) {
    const handle = h("button", { type: "button", class: "handle", ...(i ? {} : { "data-first": "" }) }, String(i + 1));
    handle.addEventListener("focus", () => ((this.active = i), this.placed()));
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      const { left, top, width, height } = this.image.getBoundingClientRect();
      const [x, y] = this.shown(i);
      const off = [event.clientX - left - x * width, event.clientY - top - y * height];
      const moved = (to) => this.move(i, [(to.clientX - left - off[0]) / width, (to.clientY - top - off[1]) / height]);
      const stop = () => {
        handle.removeEventListener("pointermove", moved);
        handle.removeEventListener("pointerup", stop);
        handle.removeEventListener("pointercancel", stop);
      };
      handle.addEventListener("pointermove", moved);
      handle.addEventListener("pointerup", stop);
      handle.addEventListener("pointercancel", stop);
    });
    return handle;
  }

  shown(i) {
    return SHOWN[this.turn](this.corners[i]);
  }

  move(i, [x, y]) {
    const within = (share) => Math.max(-0.3, Math.min(1.3, share));
    this.corners[i] = SHOWN[(4 - this.turn) % 4]([within(x), within(y)]);
    this.placed();
  }

  key(event) {
    const i = this.handles?.indexOf(document.activeElement) ?? -1;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (i < 0 || !(event.key in steps)) return false;
    const far = event.shiftKey ? 10 : 1;
    const [x, y] = this.shown(i);
    const [right, down] = steps[event.key];
    this.move(i, [x + (right * far) / this.image.clientWidth, y + (down * far) / this.image.clientHeight]);
    return true;
  }

  // The form's corners, in the middle of whose pixels its boxes are counted from.
  get formCorners() {
    const [width, height] = this.form.size;
    return [[0, 0], [width, 0], [width, height], [0, height]];
  }

  placed() {
    if (!this.image?.isConnected || !this.handles || !this.form) return;
    const [width, height] = [this.image.clientWidth, this.image.clientHeight];
    const shown = this.corners.map((_, i) => this.shown(i));
    this.handles.forEach((handle, i) => {
      const [x, y] = shown[i];
      handle.style.left = `${100 * x}%`;
      handle.style.top = `${100 * y}%`;
      handle.setAttribute("aria-label", `${CORNERS[i]} corner of the form: ${(100 * x).toFixed(1)} % from the left, ${(100 * y).toFixed(1)} % from the top`);
    });
    this.over.setAttribute("viewBox", `0 0 ${Math.max(1, width)} ${Math.max(1, height)}`);
    const points = shown.map(([x, y]) => [x * width, y * height]);
    const map = homography(this.formCorners, points);
    const drawn = [polygon(points, "outline")];
    if (map) {
      for (const field of this.form.fields) {
        for (const [x, y, w, high] of field.boxes) {
          drawn.push(polygon([[x, y], [x + w, y], [x + w, y + high], [x, y + high]].map((place) => mapped(map, place)), "box-line"));
        }
      }
    }
    this.over.replaceChildren(...drawn);
    this.magnify(shown[this.active]);
  }

  loupe() {
    this.glass = h("div", { class: "glass", "aria-hidden": "true" });
    return this.glass;
  }

  // Show the surroundings of the corner that is moved, three times as large.
  magnify([x, y]) {
    if (!this.glass || !this.image.clientWidth) return;
    const [width, height] = [3 * this.image.clientWidth, 3 * this.image.clientHeight];
    this.glass.style.backgroundImage = `url("${this.address}")`;
    this.glass.style.backgroundSize = `${width}px ${height}px`;
    this.glass.style.backgroundPosition = `${this.glass.clientWidth / 2 - x * width}px ${this.glass.clientHeight / 2 - y * height}px`;
  }

  // The page as it was read: each box outlined, with its digit; a doubtful one dashed, with a question mark beside it.
  result(boxes) {
    this.image = h("img", { src: this.address, alt: `The scan ${this.page.scan} with its boxes outlined` });
    const over = svg("svg", { class: "laid-over", "aria-hidden": "true" });
    const draw = () => {
      const [width, height] = [this.image.clientWidth, this.image.clientHeight];
      over.setAttribute("viewBox", `0 0 ${width} ${height}`);
      over.replaceChildren(
        ...boxes.flatMap(({ corners, digit, doubtful }) => {
          const points = corners.map(SHOWN[this.turn]).map(([x, y]) => [x * width, y * height]);
          const top = Math.min(...points.map(([, y]) => y));
          const middle = points.reduce((all, [x]) => all + x / 4, 0);
          const high = Math.max(...points.map(([, y]) => y)) - top;
          const text = svg("text", { x: middle, y: top - 2, class: doubtful ? "read doubtful" : "read", "font-size": Math.max(9, Math.min(20, 0.55 * high)) });
          text.textContent = digit + (doubtful && digit !== "?" ? "?" : "");
          return [polygon(points, doubtful ? "box-doubtful" : "box-line"), text];
        }),
      );
    };
    this.image.addEventListener("load", draw);
    this.handles = null;
    return h("div", { class: "scan-stage" }, h("div", { class: "scan-sheet" }, this.image, over));
  }

  // The page to read from while its values are typed.
  plain(missing) {
    this.handles = null;
    this.image = h("img", { src: missing ? this.smallAddress : this.address, alt: `The scan ${this.page.scan}` });
    this.image.addEventListener("error", () => view.replaceChildren(h("p", { class: "no-picture" }, "No picture of this page can be shown.")));
    const view = h("div", { class: "scan-view", tabIndex: 0, role: "region", "aria-label": "The page; scroll to see all of it" }, this.image);
    let zoom = 1;
    const to = (factor) => () => {
      zoom = Math.max(1, Math.min(5, zoom * factor));
      this.image.style.width = `${100 * zoom}%`;
    };
    const turn = () => {
      this.turn = (this.turn + 1) % 4;
      this.image.src = missing ? this.smallAddress : this.address;
    };
    this.view = view;
    return h(
      "div",
      {},
      h(
        "div",
        { class: "scan-bar" },
        h("button", { type: "button", onclick: to(1.4) }, "Larger"),
        h("button", { type: "button", onclick: to(1 / 1.4) }, "Smaller"),
        !missing && h("button", { type: "button", onclick: turn }, "\u21B7 Turn"),
      ),
      view,
    );
  }

  // Bring the part of an enlarged page into view where a field about so far down the form may lie.
  showPart(share) {
    if (!this.view || this.view.scrollHeight <= this.view.clientHeight + 4) return;
    this.view.scrollTop = share * (this.view.scrollHeight - this.view.clientHeight);
  }

  get smallAddress() {
    return `/api/failure/small?reading=${this.page.reading}`;
  }

  small() {
    const image = h("img", { src: this.smallAddress, class: "kept", alt: `The scan ${this.page.scan}, small` });
    image.addEventListener("error", () => image.replaceWith(h("p", { class: "no-picture" }, "No picture of this page can be shown.")));
    return image;
  }
}

function polygon(points, kind) {
  return svg("polygon", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "), class: kind });
}
