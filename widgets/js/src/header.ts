/** Who runs, in which state, for how long; and the button that stops it. */

import { h, nonce, setClass, setText } from "./dom";
import { icon, seconds, TASK_STATES, tone } from "./states";
import type { Actions, Run, Section, Snapshot } from "./types";

const ENDED = new Set(["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]);
const CONFIRM_MS = 4000;

export function isOver(run: Run): boolean {
  return ENDED.has(run.state_type);
}

/** A button that acts on its second press, so that a slip does not stop an hour of work. */
function cancelButton(actions: Actions): { el: HTMLButtonElement; update(run: Run): void; dispose(): void } {
  const el = h("button", { type: "button", class: "pst-button pst-cancel" }, "Cancel");
  let armed = 0;
  let asked = false;
  const disarm = (): void => {
    window.clearTimeout(armed);
    armed = 0;
    setText(el, asked ? "Cancelling…" : "Cancel");
    el.classList.remove("pst-armed");
  };
  el.addEventListener("click", () => {
    if (!armed) {
      armed = window.setTimeout(disarm, CONFIRM_MS);
      setText(el, "Cancel this run?");
      el.classList.add("pst-armed");
      return;
    }
    asked = actions.send({ kind: "cancel", nonce: nonce() });
    disarm();
    el.disabled = asked;
    if (!asked) setText(el, "Kernel is gone");
  });
  el.addEventListener("blur", disarm);
  const update = (run: Run): void => {
    el.hidden = isOver(run);
    if (run.state_type === "CANCELLING") {
      el.disabled = true;
      setText(el, "Cancelling…");
    }
  };
  return { el, update, dispose: () => window.clearTimeout(armed) };
}

function elapsed(run: Run): string {
  if (!run.started) return "";
  const end = run.ended ? Date.parse(run.ended) : Date.now();
  const value = Math.max(0, (end - Date.parse(run.started)) / 1000);
  return seconds(value);
}

function totals(snapshot: Snapshot): { counts: Record<string, number>; total: number } {
  const counts: Record<string, number> = {};
  let total = 0;
  for (const task of Object.values(snapshot.tasks)) {
    total += task.total;
    for (const [state, n] of Object.entries(task.counts)) counts[state] = (counts[state] ?? 0) + n;
  }
  return { counts, total };
}

/** A bar of one coloured part a state; what it says in colour its label says in words. */
export function segments(counts: Record<string, number>, total: number): HTMLElement {
  const bar = h("span", { class: "pst-bar", "aria-hidden": "true" });
  for (const state of TASK_STATES) {
    const n = counts[state] ?? 0;
    if (!n || state === "PENDING" || state === "SCHEDULED") continue;
    const part = h("span", { class: `pst-part ${tone(state)}` });
    part.style.width = `${(100 * n) / Math.max(total, 1)}%`;
    bar.append(part);
  }
  return bar;
}

export function headerSection(actions: Actions): Section {
  const chip = h("span", { class: "pst-chip", role: "status", "aria-live": "polite" });
  const flow = h("span", { class: "pst-flow" });
  const name = h("span", { class: "pst-run-name" });
  const count = h("span", { class: "pst-fact" });
  const runner = h("span", { class: "pst-fact" });
  const clock = h("span", { class: "pst-clock", title: "Elapsed time" });
  const message = h("p", { class: "pst-message" });
  const progress = h("div", { class: "pst-progress" });
  const cancel = cancelButton(actions);
  const el = h(
    "header",
    { class: "pst-header" },
    h(
      "div",
      { class: "pst-headline" },
      h("div", { class: "pst-names" }, flow, name),
      h("div", { class: "pst-facts" }, count, runner, clock, chip, cancel.el),
    ),
    progress,
    message,
  );
  let run: Run | undefined;
  let shown = "";
  const tick = window.setInterval(() => run && !run.ended && setText(clock, elapsed(run)), 200);
  return {
    el,
    update(snapshot) {
      run = snapshot.run;
      const state = `${run.state_type}:${run.state_name}`;
      if (state !== shown) {
        shown = state;
        setClass(chip, `pst-chip ${tone(run.state_type)}`);
        chip.replaceChildren(icon(run.state_type), run.state_name || run.state_type);
      }
      setText(flow, run.flow_name || "flow");
      setText(name, run.name);
      name.title = run.id;
      const { counts, total } = totals(snapshot);
      setText(count, total ? `${counts["COMPLETED"] ?? 0} of ${total} tasks` : "");
      setText(runner, run.runner);
      setText(clock, elapsed(run));
      progress.replaceChildren(segments(counts, total));
      progress.hidden = total === 0;
      setText(message, run.message);
      message.hidden = !run.message;
      setClass(message, `pst-message ${tone(run.state_type)}`);
      cancel.update(run);
    },
    dispose() {
      window.clearInterval(tick);
      cancel.dispose();
    },
  };
}
