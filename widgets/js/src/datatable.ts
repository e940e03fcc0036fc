/** A table of data: sortable columns, ten rows a page, numbers to the right. */

import { h, setText } from "./dom";
import { inline } from "./markdown";
import type { Json } from "./types";

const PAGE = 10;

interface Grid {
  columns: string[];
  rows: Json[][];
}

function isRecord(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Read list[dict], list[list] or dict[list]; anything else becomes one cell. */
export function grid(data: Json): Grid {
  let value = data;
  if (typeof data === "string") {
    try {
      value = JSON.parse(data) as Json;
    } catch {
      return { columns: ["value"], rows: [[data]] };
    }
  }
  if (isRecord(value)) {
    const columns = Object.keys(value);
    const lists = columns.map((name) => [(value as Record<string, Json>)[name] ?? null].flat() as Json[]);
    const length = Math.max(0, ...lists.map((list) => list.length));
    return { columns, rows: Array.from({ length }, (_, i) => lists.map((list) => list[i] ?? null)) };
  }
  if (!Array.isArray(value)) return { columns: ["value"], rows: [[value]] };
  if (value.every(isRecord)) {
    const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
    return { columns, rows: value.map((row) => columns.map((name) => row[name] ?? null)) };
  }
  const rows = value.map((row) => (Array.isArray(row) ? row : [row]));
  const width = Math.max(1, ...rows.map((row) => row.length));
  return { columns: Array.from({ length: width }, (_, i) => String(i)), rows };
}

function show(value: Json): string {
  if (value === null) return "";
  if (typeof value === "number") {
    if (Number.isInteger(value)) return String(value);
    return Math.abs(value) >= 1e-4 && Math.abs(value) < 1e15 ? String(+value.toPrecision(10)) : String(value);
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Empty cells last, whichever the direction. */
function compare(a: Json, b: Json, down: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const sign = down ? -1 : 1;
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * show(a).localeCompare(show(b), undefined, { numeric: true });
}

export function dataTable(data: Json, label: string): HTMLElement {
  const { columns, rows } = grid(data);
  const numeric = columns.map(
    (_, i) => rows.some((row) => typeof row[i] === "number") && rows.every((row) => row[i] == null || typeof row[i] === "number"),
  );
  let order = rows;
  let sorted = { column: -1, down: false };
  let page = 0;
  const body = h("tbody");
  const heads = columns.map((name, index) => {
    const button = h("button", { type: "button", class: "pst-sort" }, name);
    button.addEventListener("click", () => sort(index));
    return h("th", { scope: "col", class: numeric[index] ? "pst-number" : "", "aria-sort": "none" }, button);
  });
  const where = h("span", { role: "status" });
  const back = h("button", { type: "button", class: "pst-button pst-small", "aria-label": "Previous page" }, "‹");
  const next = h("button", { type: "button", class: "pst-button pst-small", "aria-label": "Next page" }, "›");
  const pager = h("div", { class: "pst-pager" }, where, back, next);

  function paint(): void {
    const shown = order.slice(page * PAGE, (page + 1) * PAGE);
    body.replaceChildren(
      ...shown.map((row) =>
        h("tr", {}, ...columns.map((_, i) => h("td", { class: numeric[i] ? "pst-number" : "" }, ...inline(show(row[i] ?? null))))),
      ),
    );
    setText(where, `${page * PAGE + 1}–${page * PAGE + shown.length} of ${rows.length} rows`);
    back.disabled = page === 0;
    next.disabled = (page + 1) * PAGE >= rows.length;
    pager.hidden = rows.length <= PAGE;
  }

  function sort(column: number): void {
    sorted = { column, down: sorted.column === column && !sorted.down };
    order = [...rows].sort((a, b) => compare(a[column] ?? null, b[column] ?? null, sorted.down));
    heads.forEach((head, i) =>
      head.setAttribute("aria-sort", i !== column ? "none" : sorted.down ? "descending" : "ascending"),
    );
    page = 0;
    paint();
  }

  back.addEventListener("click", () => ((page -= 1), paint()));
  next.addEventListener("click", () => ((page += 1), paint()));
  paint();
  const table = h("table", { class: "pst-table", "aria-label": label }, h("thead", {}, h("tr", {}, ...heads)), body);
  return h("div", { class: "pst-data" }, h("div", { class: "pst-data-scroll" }, table), pager);
}
