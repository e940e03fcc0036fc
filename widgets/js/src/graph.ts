/** The tasks of a run as a graph: one node a task name, mapped tasks collapsed into one node with a bar. */

import { h, setClass, svg } from "./dom";
import { layout } from "./layout";
import type { Layout } from "./layout";
import { icon, overall, spelled, TASK_STATES, tone, word } from "./states";
import type { Section, Snapshot, Task } from "./types";

const NODE = { height: 46, gapX: 44, gapY: 14, pad: 10 };
/** Widths in pixels; a name is set in bold of about 8 a character. */
const WIDTH = { least: 148, most: 250, around: 58, char: 8.2 };

interface Drawn {
  group: SVGElement;
  detail: SVGElement;
  bar: SVGElement;
  mark: SVGElement;
  width: number;
  shown: string;
}

function clip(text: string, chars: number): string {
  return text.length > chars ? `${text.slice(0, chars - 1)}…` : text;
}

function label(task: Task): string {
  return task.total > 1 ? `×${task.total}` : "";
}

function detail(task: Task): string {
  const state = overall(task.counts, task.total);
  if (task.total <= 1) return task.cached ? "from cache" : word(state);
  const done = task.counts["COMPLETED"] ?? 0;
  const bad = (task.counts["FAILED"] ?? 0) + (task.counts["CRASHED"] ?? 0);
  return bad ? `${done} of ${task.total}, ${bad} failed` : `${done} of ${task.total}`;
}

/** Make every node as wide as the widest name needs, within reason. */
function widthFor(tasks: Task[]): number {
  const needed = tasks.map((task) => WIDTH.around + WIDTH.char * (task.name.length + label(task).length));
  return Math.round(Math.min(WIDTH.most, Math.max(WIDTH.least, ...needed)));
}

function at(places: Layout, id: string, width: number): { x: number; y: number } {
  const place = places.places.get(id) ?? { column: 0, row: 0 };
  return {
    x: NODE.pad + place.column * (width + NODE.gapX),
    y: NODE.pad + (place.row + (places.rows - 1) / 2) * (NODE.height + NODE.gapY),
  };
}

function edge(places: Layout, from: string, to: string, width: number): SVGElement {
  const a = at(places, from, width);
  const b = at(places, to, width);
  const [x1, y1, x2, y2] = [a.x + width, a.y + NODE.height / 2, b.x - 5, b.y + NODE.height / 2];
  const bend = Math.max(18, (x2 - x1) / 2);
  return svg(
    "g",
    {},
    svg("path", { class: "pst-edge", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }),
    svg("path", { class: "pst-arrow", d: `M${x2 - 1} ${y2 - 4}l6 4-6 4z` }),
  );
}

function node(task: Task, x: number, y: number, width: number): Drawn {
  const chars = Math.floor((width - WIDTH.around) / WIDTH.char) - label(task).length;
  const mark = svg("g", { transform: "translate(12 10)" });
  const name = svg("text", { class: "pst-node-name", x: 34, y: 20 }, clip(task.name, chars));
  const info = svg("text", { class: "pst-node-detail", x: 34, y: 35 });
  const bar = svg("g", {});
  const group = svg(
    "g",
    { transform: `translate(${x} ${y})` },
    svg("rect", { class: "pst-node-box", width, height: NODE.height, rx: 8 }),
    mark,
    name,
    svg("text", { class: "pst-node-times", x: width - 12, y: 20, "text-anchor": "end" }, label(task)),
    info,
    bar,
  );
  return { group, detail: info, bar, mark, width, shown: "" };
}

function paintBar(bar: SVGElement, task: Task, nodeWidth: number): void {
  const width = nodeWidth - 24;
  let x = 12;
  const parts: SVGElement[] = [svg("rect", { class: "pst-node-track", x, y: 39.5, width, height: 3, rx: 1.5 })];
  for (const state of TASK_STATES) {
    if (state === "PENDING" || state === "SCHEDULED" || !task.counts[state]) continue;
    const part = (width * task.counts[state]) / Math.max(1, task.total);
    parts.push(svg("rect", { class: `pst-node-part ${tone(state)}`, x, y: 39.5, width: part, height: 3, rx: 1.5 }));
    x += part;
  }
  bar.replaceChildren(...parts);
}

function paint(drawn: Drawn, task: Task): void {
  const state = overall(task.counts, task.total);
  const shown = JSON.stringify([state, task.counts, task.total, task.cached]);
  if (shown === drawn.shown) return;
  drawn.shown = shown;
  setClass(drawn.group, `pst-node ${tone(state)}`);
  const old = drawn.mark.querySelector("svg");
  if (old?.getAttribute("data-state") !== state) {
    const fresh = icon(state, 14);
    fresh.setAttribute("data-state", state);
    drawn.mark.replaceChildren(fresh);
  }
  drawn.detail.textContent = detail(task);
  if (task.total > 1) paintBar(drawn.bar, task, drawn.width);
  drawn.group.querySelector("title")?.remove();
  drawn.group.prepend(svg("title", {}, `${task.name}: ${spelled(task.counts, task.total)}`));
}

export function graphSection(): Section {
  const scroll = h("div", { class: "pst-graph-scroll", tabindex: 0, role: "group", "aria-label": "Task graph" });
  const el = h("div", { class: "pst-section pst-graph" }, scroll);
  let shape = "";
  let drawn = new Map<string, Drawn>();

  function rebuild(tasks: Task[]): void {
    const places = layout(tasks.map((task) => ({ id: task.name, upstream: task.upstream })));
    const each = widthFor(tasks);
    const width = 2 * NODE.pad + places.columns * each + (places.columns - 1) * NODE.gapX;
    const height = 2 * NODE.pad + places.rows * NODE.height + (places.rows - 1) * NODE.gapY;
    const names = new Set(tasks.map((task) => task.name));
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
    // Shrink to fit as far as text stays legible, then scroll.
    picture.style.maxWidth = `${width}px`;
    picture.style.minWidth = `${Math.round(0.74 * width)}px`;
    picture.setAttribute("aria-label", tasks.map((t) => `${t.name} after ${t.upstream.join(", ") || "nothing"}`).join("; "));
    for (const task of tasks)
      for (const parent of task.upstream) if (names.has(parent)) picture.append(edge(places, parent, task.name, each));
    drawn = new Map();
    for (const task of tasks) {
      const { x, y } = at(places, task.name, each);
      const made = node(task, x, y, each);
      drawn.set(task.name, made);
      picture.append(made.group);
    }
    scroll.replaceChildren(picture);
  }

  return {
    el,
    update(snapshot: Snapshot) {
      const tasks = Object.values(snapshot.tasks).sort((a, b) => a.order - b.order);
      el.hidden = tasks.length < 2;
      if (el.hidden) return;
      const next = JSON.stringify(tasks.map((task) => [task.name, task.upstream, task.total > 1 ? task.total : 0]));
      if (next !== shape) {
        shape = next;
        rebuild(tasks);
      }
      for (const task of tasks) {
        const made = drawn.get(task.name);
        if (made) paint(made, task);
      }
    },
  };
}
