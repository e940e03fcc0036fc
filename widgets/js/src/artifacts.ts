/** What the run left to be read: Markdown, tables, progress, images. */

import { dataTable } from "./datatable";
import { h, setText } from "./dom";
import { image, inline, markdown } from "./markdown";
import type { Artifact, Json, Section } from "./types";

interface Card {
  el: HTMLElement;
  update(artifact: Artifact): void;
}

function percent(data: Json): number {
  const value = typeof data === "number" ? data : Number(data);
  return Number.isFinite(value) ? Math.min(100, Math.max(0, value)) : 0;
}

/** A bar that is moved rather than drawn again, so that its movement is smooth. */
function progress(label: string): { el: HTMLElement; set(data: Json): void } {
  const fill = h("span", { class: "pst-part pst-is-running" });
  const bar = h("span", { class: "pst-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": label }, fill);
  const text = h("span", { class: "pst-percent" });
  return {
    el: h("div", { class: "pst-artifact-progress" }, bar, text),
    set(data) {
      const value = percent(data);
      fill.style.width = `${value}%`;
      fill.className = `pst-part ${value >= 100 ? "pst-is-completed" : "pst-is-running"}`;
      bar.setAttribute("aria-valuenow", String(value));
      setText(text, `${+value.toFixed(1)}%`);
    },
  };
}

function body(artifact: Artifact): HTMLElement {
  const label = artifact.key ?? artifact.type;
  const text = typeof artifact.data === "string" ? artifact.data : JSON.stringify(artifact.data, null, 2);
  switch (artifact.type) {
    case "markdown":
      return markdown(text);
    case "table":
      return dataTable(artifact.data, label);
    case "image":
      return h("div", { class: "pst-picture" }, image(text, artifact.description || label));
    default:
      return h("pre", {}, text);
  }
}

function card(first: Artifact): Card {
  const label = first.key ?? first.type;
  const title = h("div", { class: "pst-artifact-title" });
  const content = h("div", { class: "pst-artifact-body" });
  const el = h("article", { class: "pst-artifact", "aria-label": label }, title, content);
  const bar = first.type === "progress" ? progress(label) : null;
  if (bar) content.append(bar.el);
  let shown = "";
  return {
    el,
    update(artifact) {
      const now = JSON.stringify(artifact);
      if (now === shown) return;
      shown = now;
      title.replaceChildren(
        artifact.key ? h("span", { class: "pst-artifact-key" }, artifact.key) : "",
        artifact.description ? h("span", { class: "pst-artifact-about" }, ...inline(artifact.description)) : "",
      );
      title.hidden = !title.textContent;
      if (bar) bar.set(artifact.data);
      else content.replaceChildren(body(artifact));
    },
  };
}

export function artifactsSection(): Section {
  const list = h("div", { class: "pst-artifacts" });
  const el = h("div", { class: "pst-section" }, list);
  const cards = new Map<string, Card>();
  return {
    el,
    update(snapshot) {
      const all = Object.values(snapshot.artifacts).sort((a, b) => a.order - b.order);
      el.hidden = all.length === 0;
      all.forEach((artifact, index) => {
        const key = `${artifact.id} ${artifact.type}`;
        let made = cards.get(key);
        if (!made) cards.set(key, (made = card(artifact)));
        made.update(artifact);
        if (list.children[index] !== made.el) list.insertBefore(made.el, list.children[index] ?? null);
      });
      const live = new Set(all.map((artifact) => `${artifact.id} ${artifact.type}`));
      for (const [key, made] of cards)
        if (!live.has(key)) {
          made.el.remove();
          cards.delete(key);
        }
    },
  };
}
