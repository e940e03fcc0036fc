/** One input for each kind of value: how it looks, how it is filled, how it is read. */

import { h, uniqueId } from "./dom";
import { specOf } from "./schema";
import type { Spec } from "./schema";
import type { Json, Schema } from "./types";

export class Unreadable extends Error {}

export interface Input {
  /** What is placed in the form. */
  el: HTMLElement;
  /** What a label points to, what takes focus and `aria-invalid`. */
  control: HTMLElement;
  /** Read the value; undefined means left empty. Throws Unreadable with words for the user. */
  read(): Json | undefined;
  fill(value: Json | undefined): void;
}

type TextBox = HTMLInputElement | HTMLTextAreaElement;

function attributes(spec: Spec): Record<string, string | number | undefined> {
  const types: Partial<Record<Spec["kind"], string>> = {
    integer: "number", number: "number", date: "date", datetime: "datetime-local", time: "time", secret: "password",
  };
  const formats: Record<string, string> = { email: "email", uri: "url" };
  const type = types[spec.kind] ?? formats[spec.schema.format ?? ""] ?? "text";
  const step = spec.kind === "integer" ? (spec.schema.multipleOf ?? 1) : spec.kind === "number" ? "any" : undefined;
  return {
    type,
    step: spec.kind === "datetime" || spec.kind === "time" ? 1 : step,
    min: spec.schema.minimum,
    max: spec.schema.maximum,
    autocomplete: "off",
    spellcheck: spec.kind === "secret" ? "false" : undefined,
  };
}

const ZONE = /(Z|[+-]\d\d:?\d\d)$/i;

/** Keep the time zone a date came with: the browser's input has none. */
function datetime(box: TextBox): Pick<Input, "read" | "fill"> {
  let zone = "";
  return {
    fill(value) {
      const text = typeof value === "string" ? value : "";
      zone = ZONE.exec(text)?.[0] ?? "";
      box.value = text.replace(ZONE, "").replace(" ", "T").replace(/\.\d+$/, "").slice(0, 19);
    },
    read: () => (box.value ? box.value + zone : undefined),
  };
}

function numeric(box: TextBox, spec: Spec): Pick<Input, "read" | "fill"> {
  return {
    fill: (value) => void (box.value = value === null || value === undefined ? "" : String(value)),
    read() {
      const bad = box instanceof HTMLInputElement && box.validity.badInput;
      const text = box.value.trim();
      if (!text && !bad) return undefined;
      const value = Number(text);
      if (bad || Number.isNaN(value)) throw new Unreadable("Enter a number.");
      // A Decimal or a number past 2^53 would lose digits as a JavaScript number.
      return spec.schema.anyOf || !(Number.isSafeInteger(value) || text.length < 16) ? text : value;
    },
  };
}

function lines(box: TextBox, spec: Spec): Pick<Input, "read" | "fill"> {
  return {
    fill: (value) => void (box.value = Array.isArray(value) ? value.map(String).join("\n") : ""),
    read() {
      const parts = box.value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!parts.length) return undefined;
      if (spec.each === "text") return parts;
      return parts.map((part) => {
        const value = Number(part);
        if (Number.isNaN(value) || (spec.each === "integer" && !Number.isInteger(value)))
          throw new Unreadable(`“${part}” is not a ${spec.each === "integer" ? "whole number" : "number"}.`);
        return value;
      });
    },
  };
}

function json(box: TextBox): Pick<Input, "read" | "fill"> {
  return {
    fill: (value) => void (box.value = value === undefined ? "" : JSON.stringify(value, null, 2)),
    read() {
      if (!box.value.trim()) return undefined;
      try {
        return JSON.parse(box.value) as Json;
      } catch (error) {
        throw new Unreadable(`This is not JSON: ${(error as Error).message}`);
      }
    },
  };
}

function plain(box: TextBox): Pick<Input, "read" | "fill"> {
  return {
    fill: (value) => void (box.value = value === null || value === undefined ? "" : String(value)),
    read: () => box.value || undefined,
  };
}

function boxed(spec: Spec): Input {
  const many = spec.kind === "long" || spec.kind === "lines" || spec.kind === "json";
  const box = many ? h("textarea", { rows: spec.kind === "long" ? 4 : 3, class: "pst-input" }) : h("input", { ...attributes(spec), class: "pst-input" });
  const numeral = spec.kind === "integer" || spec.kind === "number";
  const ways =
    spec.kind === "datetime" ? datetime(box)
    : numeral ? numeric(box, spec)
    : spec.kind === "lines" ? lines(box, spec)
    : spec.kind === "json" ? json(box)
    : plain(box);
  if (spec.kind === "json" || spec.kind === "lines") box.classList.add("pst-mono");
  if (numeral || spec.kind === "date" || spec.kind === "datetime" || spec.kind === "time") box.classList.add("pst-narrow");
  return { el: box, control: box, ...ways };
}

function word(choice: Json): string {
  return choice === null ? "none" : typeof choice === "string" ? choice : JSON.stringify(choice);
}

function select(spec: Spec, choices: { label: string; value: Json | undefined }[]): Input {
  const control = h("select", { class: "pst-input pst-narrow" }, ...choices.map((c, i) => h("option", { value: i }, c.label)));
  const find = (value: Json | undefined): number => choices.findIndex((c) => JSON.stringify(c.value) === JSON.stringify(value));
  return {
    el: control,
    control,
    read: () => choices[control.selectedIndex]?.value,
    fill: (value) => void (control.selectedIndex = Math.max(0, find(value ?? (spec.nullable ? null : undefined)))),
  };
}

function choice(spec: Spec): Input {
  const listed = spec.choices.map((value) => ({ label: word(value), value: value as Json | undefined }));
  const none = spec.nullable ? [{ label: "(none)", value: null }] : [{ label: "Choose…", value: undefined }];
  return select(spec, [...none, ...listed]);
}

function checkbox(spec: Spec): Input {
  if (spec.nullable) {
    const offered = [{ label: "(not set)", value: null }, { label: "Yes", value: true }, { label: "No", value: false }];
    return select(spec, offered);
  }
  const control = h("input", { type: "checkbox", class: "pst-check" });
  return { el: control, control, read: () => control.checked, fill: (value) => void (control.checked = value === true) };
}

function choices(spec: Spec): Input {
  const boxes = spec.choices.map((value) => {
    const id = uniqueId("choice");
    const box = h("input", { type: "checkbox", id, class: "pst-check" });
    return { value, box, el: h("div", { class: "pst-option" }, box, h("label", { for: id }, word(value))) };
  });
  const el = h("div", { class: "pst-options", role: "group", tabindex: -1 }, ...boxes.map((item) => item.el));
  return {
    el,
    control: el,
    read: () => boxes.filter((item) => item.box.checked).map((item) => item.value),
    fill(value) {
      const chosen = new Set((Array.isArray(value) ? value : []).map((item) => JSON.stringify(item)));
      for (const item of boxes) item.box.checked = chosen.has(JSON.stringify(item.value));
    },
  };
}

function constant(spec: Spec): Input {
  const value = spec.schema.const ?? null;
  const control = h("output", { class: "pst-constant" }, word(value));
  return { el: control, control, read: () => value, fill: () => undefined };
}

export function inputFor(spec: Spec): Input {
  switch (spec.kind) {
    case "boolean":
      return checkbox(spec);
    case "choice":
      return choice(spec);
    case "choices":
      return choices(spec);
    case "constant":
      return constant(spec);
    default:
      return boxed(spec);
  }
}

export function properties(schema: Schema, root: Schema): { key: string; spec: Spec; required: boolean }[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([key, property]) => ({
    key,
    spec: specOf(key, property, root),
    required: required.has(key),
  }));
}
