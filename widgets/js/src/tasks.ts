/** The table of tasks: one row a task name, with bars, counts and time. */

import { h, setClass, setText } from "./dom";
import { segments } from "./header";
import { icon, overall, seconds, spelled, tone } from "./states";
import type { Section, Task } from "./types";

interface Row {
  el: HTMLTableRowElement;
  update(task: Task): void;
}

function row(): Row {
  const name = h("th", { scope: "row", class: "pst-task-name" });
  const bar = h("td", { class: "pst-task-bar" });
  const counts = h("td", { class: "pst-task-counts" });
  const cached = h("td", { class: "pst-number" });
  const retries = h("td", { class: "pst-number" });
  const time = h("td", { class: "pst-number" });
  const el = h("tr", {}, name, bar, counts, cached, retries, time);
  let shown = "";
  return {
    el,
    update(task) {
      const now = JSON.stringify(task);
      if (now === shown) return;
      shown = now;
      const state = overall(task.counts, task.total);
      setClass(el, tone(state));
      name.replaceChildren(icon(state), h("span", {}, task.name));
      if (task.total > 1) name.append(h("span", { class: "pst-times" }, `×${task.total}`));
      bar.replaceChildren(segments(task.counts, task.total));
      setText(counts, spelled(task.counts, task.total));
      setText(cached, task.cached ? String(task.cached) : "–");
      setText(retries, task.retries ? String(task.retries) : "–");
      setText(time, task.seconds ? seconds(task.seconds) : "–");
    },
  };
}

export function tasksSection(): Section {
  const body = h("tbody");
  const heads = ["Task", "Progress", "State", "Cached", "Retries", "Time"];
  const head = h("tr", {}, ...heads.map((text, i) => h("th", { scope: "col", class: i > 2 ? "pst-number" : "" }, text)));
  const el = h(
    "div",
    { class: "pst-section pst-tasks" },
    h("table", { class: "pst-table", "aria-label": "Tasks" }, h("thead", {}, head), body),
  );
  const rows = new Map<string, Row>();
  return {
    el,
    update(snapshot) {
      const tasks = Object.values(snapshot.tasks).sort((a, b) => a.order - b.order);
      el.hidden = tasks.length === 0;
      tasks.forEach((task, index) => {
        let made = rows.get(task.name);
        if (!made) rows.set(task.name, (made = row()));
        made.update(task);
        if (body.children[index] !== made.el) body.insertBefore(made.el, body.children[index] ?? null);
      });
      const names = new Set(tasks.map((task) => task.name));
      for (const [name, made] of rows)
        if (!names.has(name)) {
          made.el.remove();
          rows.delete(name);
        }
    },
  };
}
