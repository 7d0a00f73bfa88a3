// What the screens share that show one field at a time: its order, going back, saving, conflicts, strip and page.

import { h } from "./dom.js";
import { openPage } from "./pages.js";

export const stripOf = (app, { reading, field }) => `/api/strip?${new URLSearchParams({ reading, field, code: app.now.code })}`;
const same = (a, b) => a && b && a.reading === b.reading && a.field === b.field;
export const named = (value) => (value === "" ? "nothing" : value === null ? "undecided" : value);

export class OneByOne {
  constructor(app, place, kind, only) {
    Object.assign(this, { app, place, kind, only, digits: false, shown: null, way: [], at: -1, coming: null, groups: [], busy: false, despite: false });
  }

  async start(first) {
    const found = first && (await this.app.get("field", { reading: first[0], field: first[1] }).catch(() => null));
    if (found && found.keyed !== (this.kind === "key")) {
      this.app.go(`#/${found.keyed ? "keys" : "fields"}/at/${first.map(encodeURIComponent).join("/")}`);
    } else if (found) {
      this.kind = found.kind;
      this.shown = found;
      this.way = [this.shown];
      this.at = 0;
      this.groups = (await this.asked(this.shown)).groups;
    } else await this.next();
    this.show();
  }

  asked(last, most = 1) {
    const { kind, digits } = this;
    const [form, name] = this.only ?? ["", ""];
    return this.app.get("fields", { kind, digits, form, name, most, reading: last?.reading ?? 0, field: last?.field ?? "" });
  }

  // Go to the next field: one that was gone back from, or the next that is open, from the start again after the last.
  async next() {
    if (this.at < this.way.length - 1) {
      const { reading, field } = this.way[++this.at];
      this.shown = await this.app.get("field", { reading, field });
      return;
    }
    const last = this.way[this.way.length - 1];
    let found = this.coming && same(this.coming.last, last) ? await this.coming.found : await this.asked(last);
    this.coming = null;
    if (!found.fields.length && last) found = await this.asked(null);
    this.groups = found.groups;
    const [one] = found.fields;
    this.shown = one ?? null;
    if (one && one.reading === last?.reading) this.shown = await this.app.get("field", { reading: one.reading, field: one.field });
    if (one) this.at = this.way.push(one) - 1;
  }

  show() {
    this.despite = false;
    this.draw();
    if (!this.app.now.fields) setTimeout(() => this.place.isConnected && this.app.refresh(), 700); // still being counted
    if (this.shown && this.at === this.way.length - 1) this.prefetch();
  }

  prefetch() {
    const last = this.shown;
    const found = this.asked(last);
    this.coming = { last, found };
    found.then(({ fields }) => fields[0] && (new Image().src = stripOf(this.app, fields[0]))).catch(() => (this.coming = null));
  }

  async go(step) {
    if (this.busy) return;
    this.busy = true;
    try {
      if (step < 0) {
        if (this.at < 1) return this.app.say("This is the first field");
        const { reading, field } = this.way[--this.at];
        this.shown = await this.app.get("field", { reading, field });
      } else await this.next();
      this.show();
    } finally {
      this.busy = false;
    }
  }

  // Store a value; true where it was, so that the next field may be shown.
  async save(value, despite = this.despite) {
    const { reading, field, version } = this.shown;
    const answer = await this.app.post("decide", { fields: [{ reading, field, seen: version, new: value, despite }] });
    if (answer.refused.length) {
      this.despite = true;
      this.refused(answer.refused[0].broken);
      return false;
    }
    for (const one of answer.conflicts) if (!(await this.resolve(one))) return false;
    return true;
  }

  async saveAndNext(value, despite) {
    if (this.busy || !this.shown) return;
    this.busy = true;
    try {
      if (!(await this.save(value, despite))) return;
      this.app.say(`${this.shown.field}: ${named(value)} saved`);
      const saved = this.shown;
      const foretold = Boolean(this.coming);
      await Promise.all([this.next(), this.app.refresh()]);
      if (foretold && !saved.decided) this.groups = this.groups.map((one) => (one.form === saved.form && one.field === saved.field ? { ...one, left: one.left - 1 } : one)).filter((one) => one.left > 0);
      this.show();
    } finally {
      this.busy = false;
    }
  }

  // Another person decided since: both sides, and the choice. False where neither was chosen.
  async resolve({ mine, theirs, who, version }) {
    const body = h(
      "div",
      {},
      h("img", { src: stripOf(this.app, this.shown), alt: `The field ${this.shown.field}`, class: "of-dialog" }),
      h("p", {}, `${who || "Somebody"} decided meanwhile: `, h("b", {}, named(theirs)), ". You: ", h("b", {}, named(mine)), "."),
    );
    const answer = await this.app.ask("Decided by another person meanwhile", body, [["theirs", `Keep ${named(theirs)}`], ["mine", `Take ${named(mine)}`]]);
    this.shown.version = version;
    if (answer === "mine") return this.save(mine, this.despite);
    return answer === "theirs";
  }

  async wholePage() {
    if (!this.shown) return;
    await openPage(this.app, this.shown, this.where());
    this.focus();
  }

  where() {
    const { scan, page, form } = this.shown;
    return [scan + (page > 1 ? `, page ${page}` : ""), this.app.now.forms.length > 1 ? form : ""].filter(Boolean).join(" \u00b7 ");
  }

  drawnStrip() {
    const { strip, field } = this.shown;
    if (!strip) return h("p", { class: "no-strip" }, "No box of this field was found on its page; the whole page shows where it should be.");
    const image = h("img", { src: stripOf(this.app, this.shown), alt: `${field} as it was written`, width: strip.width, height: strip.height, draggable: false, onerror: () => this.stripGone(image) });
    return h("button", { type: "button", class: "strip", tabindex: "-1", title: "Show the whole page (F2)", onclick: () => this.wholePage() }, image);
  }

  // The scan is gone: say so, and show what the batch itself has of the boxes.
  async stripGone(image) {
    const field = this.shown;
    const said = await this.app.get("kept", { reading: field.reading, field: field.field });
    if (!same(field, this.shown) || !image.isConnected) return;
    const pictures = said.pictures.map(({ position, image: src }) => h("figure", {}, h("img", { src, alt: `Box ${position}` }), h("figcaption", {}, `box ${position}`)));
    const rest = pictures.length ? "These boxes were kept:" : "No picture of its boxes was kept.";
    const told = h("div", { class: "gone", role: "note" }, h("p", {}, h("strong", {}, "The scan is not there any more. "), `${said.missing}. ${rest}`), h("div", { class: "kept" }, pictures));
    image.closest(".strip").replaceWith(told);
  }

  drawnGroups() {
    const value = (form, field) => JSON.stringify([form, field]);
    const several = new Set(this.groups.map(({ form }) => form)).size > 1;
    const options = this.groups.map(({ form, field, left }) => h("option", { value: value(form, field), selected: this.only?.[0] === form && this.only?.[1] === field }, `${several ? `${form}: ` : ""}${field} (${left.toLocaleString("en")})`));
    if (this.only && !options.some((option) => option.selected)) options.unshift(h("option", { value: value(...this.only), selected: true }, `${this.only[1]} (0)`));
    const select = h("select", { id: "only", onchange: (event) => this.restrict(event.target.value ? JSON.parse(event.target.value) : null) }, h("option", { value: "" }, "all fields"), options);
    return h("div", { class: "chips" }, h("label", { for: "only", class: "quiet" }, "Show"), select);
  }

  async restrict(only) {
    Object.assign(this, { only, way: [], at: -1, coming: null });
    await this.next();
    this.show();
  }

  drawnDecided() {
    const { decided } = this.shown;
    return decided && h("p", { class: "quiet decided" }, `Decided by ${decided.who || "somebody"} on ${decided.at.replace("T", " ").slice(0, 16)}; saving again replaces it.`);
  }
}
