/** The last log lines, folded away until asked for. */

import { h, setText } from "./dom";
import type { LogLine, Section } from "./types";

const LIMIT = 200;

function clockTime(at: string): string {
  const when = new Date(at);
  return Number.isNaN(when.getTime()) ? at : when.toLocaleTimeString([], { hour12: false });
}

function line(entry: LogLine): HTMLElement {
  return h(
    "div",
    { class: `pst-log pst-log-${entry.level.toLowerCase().replace(/[^a-z]/g, "")}` },
    h("span", { class: "pst-log-at" }, clockTime(entry.at)),
    h("span", { class: "pst-log-level" }, entry.level),
    entry.task ? h("span", { class: "pst-log-task" }, entry.task) : null,
    h("span", { class: "pst-log-text" }, entry.text),
  );
}

export function logsSection(): Section {
  const title = h("summary", {});
  const dropped = h("div", { class: "pst-note" });
  const list = h("div", { class: "pst-log-list", tabindex: 0, role: "log", "aria-label": "Log lines" });
  const el = h("details", { class: "pst-section pst-logs" }, title, dropped, list);
  let shown: LogLine[] = [];
  let latest: LogLine[] = [];

  function paint(): void {
    if (!el.open || shown === latest) return;
    shown = latest;
    const follow = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
    list.replaceChildren(...latest.map(line));
    if (follow) list.scrollTop = list.scrollHeight;
  }

  el.addEventListener("toggle", () => {
    paint();
    list.scrollTop = list.scrollHeight;
  });
  return {
    el,
    update({ logs }) {
      if (logs.lines.length !== latest.length || JSON.stringify(logs.lines.at(-1)) !== JSON.stringify(latest.at(-1)))
        latest = logs.lines.slice(-LIMIT);
      const missing = logs.dropped + Math.max(0, logs.lines.length - LIMIT);
      const errors = logs.lines.filter((entry) => /^(ERROR|CRITICAL)$/.test(entry.level)).length;
      el.hidden = logs.lines.length === 0;
      const count = logs.lines.length === 1 ? "1 line" : `${logs.lines.length} lines`;
      setText(title, `Logs · ${count}${errors ? ` · ${errors} with errors` : ""}`);
      setText(dropped, missing ? `${missing} earlier lines are in the run's log, not here.` : "");
      dropped.hidden = !missing;
      paint();
    },
  };
}
