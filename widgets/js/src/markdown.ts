/**
 * A small, safe Markdown renderer: it makes elements and sets text, never HTML.
 * _markdown.py draws the same subset for saved notebooks; keep the two in step.
 */

import { h } from "./dom";

const SAFE_LINK = /^(https?:|mailto:|[^:]*$|[^:]*[/?#])/i;
const SAFE_IMAGE = /^(https?:|data:image\/(png|jpe?g|gif|webp|svg\+xml)[;,]|[^:]*$|[^:]*[/?#])/i;

/** Return the address when it may be followed, else null. Control characters hide schemes, so they are refused. */
export function safeUrl(url: string, pattern = SAFE_LINK): string | null {
  const trimmed = url.trim();
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u0020\u007f]/.test(trimmed) && pattern.test(trimmed) ? trimmed : null;
}

export function link(url: string, ...children: (Node | string)[]): HTMLElement {
  const href = safeUrl(url);
  if (href === null) return h("span", {}, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

export function image(url: string, alt: string): HTMLElement {
  const src = safeUrl(url, SAFE_IMAGE);
  return src === null ? h("span", {}, alt || "image with an unsafe address") : h("img", { src, alt, loading: "lazy" });
}

const INLINE =
  /(`+)([^`][\s\S]*?)\1|!\[([^\]]*)\]\(([^()\s]+)(?:\s+"[^"]*")?\)|\[([^\]]+)\]\(([^()\s]+)(?:\s+"[^"]*")?\)|<((?:https?:\/\/|mailto:)[^\s<>]+)>|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])|(\*\*|__)(?=\S)([\s\S]*?\S)\9|(\*|_)(?=\S)([\s\S]*?\S)\11|~~(?=\S)([\s\S]*?\S)~~|\\([\\`*_{}[\]()#+\-.!|~<>])/g;

export function inline(text: string, depth = 0): (Node | string)[] {
  if (depth > 8) return [text];
  const out: (Node | string)[] = [];
  let last = 0;
  for (const m of text.matchAll(INLINE)) {
    const start = m.index ?? 0;
    const emphasis = m[9] ?? m[11];
    // snake_case_names are not emphasis.
    if (emphasis?.startsWith("_") && (/\w$/.test(text.slice(0, start)) || /^\w/.test(text.slice(start + m[0].length)))) continue;
    if (start < last) continue;
    out.push(text.slice(last, start));
    last = start + m[0].length;
    if (m[2] !== undefined) out.push(h("code", {}, m[2].trim()));
    else if (m[4] !== undefined) out.push(image(m[4], m[3] ?? ""));
    else if (m[6] !== undefined) out.push(link(m[6], ...inline(m[5] ?? "", depth + 1)));
    else if (m[7] !== undefined) out.push(link(m[7], m[7].replace(/^mailto:/, "")));
    else if (m[8] !== undefined) out.push(link(m[8], m[8]));
    else if (m[10] !== undefined) out.push(h("strong", {}, ...inline(m[10], depth + 1)));
    else if (m[12] !== undefined) out.push(h("em", {}, ...inline(m[12], depth + 1)));
    else if (m[13] !== undefined) out.push(h("del", {}, ...inline(m[13], depth + 1)));
    else out.push(m[14] ?? "");
  }
  out.push(text.slice(last));
  return out.filter((part) => part !== "");
}

const FENCE = /^\s{0,3}(`{3,}|~{3,})\s*(\S*)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s{0,3}>\s?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function cells(line: string): string[] {
  const trimmed = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function startsBlock(line: string, next: string | undefined): boolean {
  if (!line.trim() || FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line))
    return true;
  return isTable(line, next);
}

function isTable(line: string, next: string | undefined): boolean {
  return line.includes("|") && next !== undefined && next.includes("-") && TABLE_RULE.test(next);
}

class Reader {
  private at = 0;
  constructor(
    private readonly lines: string[],
    private readonly depth: number,
  ) {}

  private line(offset = 0): string {
    return this.lines[this.at + offset] ?? "";
  }

  private more(): boolean {
    return this.at < this.lines.length;
  }

  blocks(): Node[] {
    const out: Node[] = [];
    while (this.more()) {
      if (this.line().trim()) out.push(this.block());
      else this.at += 1;
    }
    return out;
  }

  private block(): Node {
    const line = this.line();
    if (FENCE.test(line)) return this.fence();
    const heading = HEADING.exec(line);
    if (heading) {
      this.at += 1;
      return h(`h${Math.min(6, (heading[1]?.length ?? 1) + 2)}` as "h3", {}, ...inline(heading[2] ?? ""));
    }
    if (RULE.test(line)) {
      this.at += 1;
      return h("hr");
    }
    if (isTable(line, this.lines[this.at + 1])) return this.table();
    if (this.depth < 6 && QUOTE.test(line)) return this.quote();
    if (this.depth < 6 && ITEM.test(line)) return this.list();
    return this.paragraph();
  }

  private fence(): Node {
    const mark = FENCE.exec(this.line())?.[1] ?? "```";
    const body: string[] = [];
    for (this.at += 1; this.more() && !this.line().trim().startsWith(mark); this.at += 1) body.push(this.line());
    this.at += 1;
    return h("pre", {}, h("code", {}, body.join("\n")));
  }

  private quote(): Node {
    const body: string[] = [];
    for (; this.more() && QUOTE.test(this.line()); this.at += 1) body.push(this.line().replace(QUOTE, ""));
    return h("blockquote", {}, ...new Reader(body, this.depth + 1).blocks());
  }

  private table(): Node {
    const heads = cells(this.line());
    const sides = cells(this.line(1)).map((rule) => (rule.endsWith(":") ? (rule.startsWith(":") ? "center" : "right") : "left"));
    const cell = (tag: "th" | "td", text: string, index: number): HTMLElement =>
      h(tag, { style: `text-align:${sides[index] ?? "left"}` }, ...inline(text));
    const body = h("tbody");
    for (this.at += 2; this.more() && this.line().includes("|") && this.line().trim(); this.at += 1) {
      const row = cells(this.line());
      body.append(h("tr", {}, ...heads.map((_, index) => cell("td", row[index] ?? "", index))));
    }
    return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map((text, i) => cell("th", text, i)))), body);
  }

  private list(): Node {
    const first = ITEM.exec(this.line());
    const indent = first?.[1]?.length ?? 0;
    const ordered = /\d/.test(first?.[2] ?? "");
    const list = h(ordered ? "ol" : "ul", ordered ? { start: parseInt(first?.[2] ?? "1", 10) } : {});
    while (this.more()) {
      const item = ITEM.exec(this.line());
      if (!item || (item[1]?.length ?? 0) !== indent || /\d/.test(item[2] ?? "") !== ordered) break;
      list.append(this.item(item[3] ?? "", indent));
    }
    return list;
  }

  /** One item: its first line, and the deeper lines below it as blocks of their own. */
  private item(text: string, indent: number): Node {
    const own = [text];
    const below: string[] = [];
    for (this.at += 1; this.more(); this.at += 1) {
      const line = this.line();
      const depth = line.length - line.trimStart().length;
      if (!line.trim()) {
        const next = this.line(1);
        if (next.trim() && next.length - next.trimStart().length > indent) below.push("");
        else break;
      } else if (depth > indent) below.push(line.slice(Math.min(depth, indent + 2)));
      else if (!startsBlock(line, this.lines[this.at + 1])) own.push(line.trim());
      else break;
    }
    while (this.more() && !this.line().trim() && ITEM.test(this.line(1))) this.at += 1;
    const task = /^\[([ xX])\]\s+/.exec(own[0] ?? "");
    const words = inline(own.join(" ").slice(task?.[0].length ?? 0));
    const mark = task ? [task[1] === " " ? "☐ " : "☑ "] : [];
    return h("li", {}, ...mark, ...words, ...new Reader(below, this.depth + 1).blocks());
  }

  private paragraph(): Node {
    const body = [this.line()];
    for (this.at += 1; this.more(); this.at += 1) {
      if (startsBlock(this.line(), this.lines[this.at + 1])) break;
      body.push(this.line());
    }
    const p = h("p");
    body.forEach((line, index) => {
      p.append(...inline(line.trim()));
      if (index < body.length - 1) p.append(/( {2}|\\)$/.test(line) ? h("br") : " ");
    });
    return p;
  }
}

export function markdown(text: string): HTMLElement {
  const source = text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ");
  return h("div", { class: "pst-markdown" }, ...new Reader(source.split("\n"), 0).blocks());
}
