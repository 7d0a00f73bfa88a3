// What is said at the bottom, and questions asked in a dialog.

import { h } from "./dom.js";

const $ = (id) => document.getElementById(id);

export function say(text, kind = "") {
  $("said").textContent = text;
  $("said").className = text ? `shown ${kind}` : "";
  clearTimeout(say.timer);
  if (text && kind !== "bad") say.timer = setTimeout(() => ($("said").className = ""), 6000);
}

// Ask a question in the dialog; gives the value of the button chosen, or the form's, null where it was dismissed.
export function ask(title, body, buttons) {
  const dialog = $("dialog");
  return new Promise((resolve) => {
    let chosen = null;
    const form = h(
      "form",
      { method: "dialog", onsubmit: (event) => (chosen = event.submitter?.value ?? null) },
      h("h2", { id: "dialog-title" }, title),
      body,
      h(
        "div",
        { class: "buttons" },
        buttons.map(([value, text], nth) => h("button", { value, class: nth ? "" : "first", type: "submit" }, text)),
      ),
    );
    dialog.replaceChildren(form);
    dialog.onclose = () => resolve(chosen);
    dialog.showModal();
    (dialog.querySelector("input, textarea, select") ?? dialog.querySelector("button")).focus();
  });
}
