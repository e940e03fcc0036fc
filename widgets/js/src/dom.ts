/** Making elements. Text is always set as text: nothing here parses HTML. */

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined>;

function fill(el: Element, attributes: Attributes, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    el.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) el.append(child);
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  fill(el, attributes, children);
  return el;
}

export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(el, attributes, children);
  return el;
}

/** Set text only when it differs, so that selections and screen readers are left in peace. */
export function setText(el: Element, text: string): void {
  if (el.textContent !== text) el.textContent = text;
}

export function setClass(el: Element, name: string): void {
  if (el.getAttribute("class") !== name) el.setAttribute("class", name);
}

let serial = 0;

/** Return an id no other element of this page has: every widget evaluates its own copy of this module. */
export function uniqueId(stem: string): string {
  serial += 1;
  return `pst-${stem}-${serial}-${nonce().slice(0, 8)}`;
}

export function nonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
