/** Forms for pauses. A form is made once for a pause and schema, so what is half typed survives every update. */

import { h, nonce, setText } from "./dom";
import { fieldsOf } from "./fields";
import { markdown } from "./markdown";
import { icon } from "./states";
import type { Actions, Pause, Section } from "./types";

const PATIENCE_MS = 8000;

interface Form {
  el: HTMLElement;
  schema: string;
  update(pause: Pause, runId: string): void;
  dispose(): void;
}

function form(actions: Actions, first: Pause): Form {
  const fields = fieldsOf(first.schema, first.schema);
  const title = h("div", { class: "pst-pause-title" });
  const about = h("div", { class: "pst-pause-about" });
  const button = h("button", { type: "submit", class: "pst-button pst-primary" }, "Resume");
  const note = h("div", { class: "pst-note", role: "status" });
  const wrong = h("div", { class: "pst-form-error", role: "alert" });
  const set = h("fieldset", { class: "pst-bare" }, fields.el);
  const el = h(
    "form",
    { class: "pst-pause", novalidate: true, "aria-label": first.title || first.key || "Input" },
    title, about, set, wrong,
    h("div", { class: "pst-pause-foot" }, button, note),
  );
  let latest = first;
  let runId = "";
  let patience = 0;
  // Errors are new when the object is: the same words may come back for a second wrong answer.
  let shown: Pause["errors"] | undefined;
  let asked = false;
  wrong.hidden = true;

  const byHand = (): string => `penstock flow-run resume ${runId}`;

  function complain(text: string): void {
    setText(wrong, text);
    wrong.hidden = !text;
  }

  function sending(on: boolean): void {
    window.clearTimeout(patience);
    set.disabled = button.disabled = on;
    setText(button, on ? "Sending…" : "Resume");
    if (on) patience = window.setTimeout(tooLong, PATIENCE_MS);
  }

  function tooLong(): void {
    sending(false);
    complain(`The kernel has not taken the answer yet: it is gone or very busy. Try again, or answer with: ${byHand()}`);
  }

  function submit(): void {
    const bad = fields.check();
    complain(bad.length > 1 ? `${bad.length} fields need your attention.` : "");
    if (bad.length) return bad[0]?.focus();
    const sent = actions.send({ kind: "answer", pause: latest.id, values: fields.read(), nonce: nonce() });
    asked = sent;
    sending(sent);
    if (!sent) complain(`The kernel is gone; answer with: ${byHand()}`);
  }

  // Keys pressed in a form are not commands of the notebook.
  el.addEventListener("keydown", (event) => event.stopPropagation());
  el.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });

  function showErrors(errors: Pause["errors"]): void {
    if (errors === shown) return;
    const first = shown === undefined;
    shown = errors;
    const paths = Object.keys(errors);
    if (!paths.length) return;
    const refused = asked && !first;
    asked = false;
    sending(false);
    const placed = new Set(fields.show(errors));
    const rest = paths.filter((path) => !placed.has(path));
    complain(rest.map((path) => (path ? `${path}: ${errors[path]}` : errors[path])).join(" "));
    if (refused) (el.querySelector<HTMLElement>("[aria-invalid=true]") ?? button).focus();
  }

  function settle(pause: Pause): void {
    window.clearTimeout(patience);
    set.disabled = true;
    button.hidden = true;
    complain("");
    const answered = pause.state === "answered";
    const via = pause.answered_via ? ` via ${pause.answered_via}` : "";
    const more = h("button", { type: "button", class: "pst-link", "aria-expanded": "false" }, "Show the form");
    more.addEventListener("click", () => {
      const open = el.classList.toggle("pst-open");
      more.setAttribute("aria-expanded", String(open));
      setText(more, open ? "Hide the form" : "Show the form");
    });
    note.replaceChildren(icon(answered ? "COMPLETED" : "CANCELLED"), answered ? `Answered${via}` : "Closed without an answer", more);
  }

  function update(pause: Pause, run: string): void {
    const before = latest.state;
    latest = pause;
    runId = run;
    if (pause.state === "waiting") return showErrors(pause.errors ?? {});
    if (el.classList.contains("pst-settled")) return;
    if (before === "waiting" || pause === first) fields.fill(pause.values ?? {});
    el.classList.add("pst-settled");
    settle(pause);
  }

  title.append(icon("PAUSED", 16), h("span", {}, first.title || "Waiting for input"));
  if (first.description) about.append(markdown(first.description));
  fields.fill(first.values ?? {});
  return { el, schema: JSON.stringify(first.schema), update, dispose: () => window.clearTimeout(patience) };
}

export function pausesSection(actions: Actions): Section {
  const el = h("div", { class: "pst-section pst-pauses" });
  const forms = new Map<string, Form>();
  return {
    el,
    update(snapshot) {
      const pauses = Object.values(snapshot.pauses);
      el.hidden = pauses.length === 0;
      for (const pause of pauses) {
        let made = forms.get(pause.id);
        if (made && made.schema !== JSON.stringify(pause.schema)) {
          made.dispose();
          made.el.remove();
          made = undefined;
        }
        if (!made) {
          made = form(actions, pause);
          forms.set(pause.id, made);
          el.append(made.el);
        }
        made.update(pause, snapshot.run.id);
      }
    },
    dispose: () => forms.forEach((made) => made.dispose()),
  };
}
