/** A field is an input with its label, help and error; a group is an object's fields in a fieldset. */

import { bounds, check } from "./checks";
import { h, setText, uniqueId } from "./dom";
import { inputFor, properties, Unreadable } from "./inputs";
import { markdown } from "./markdown";
import type { Spec } from "./schema";
import type { Json, Schema } from "./types";

type Values = Record<string, Json>;

export interface Field {
  el: HTMLElement;
  fill(value: Json | undefined): void;
  /** Put the value into `values` under this field's key; an empty optional field leaves its default to Python. */
  read(values: Values): void;
  /** Check and show what is wrong; return the controls that are. */
  check(): HTMLElement[];
  /** Show Python's errors; return the paths that were shown. */
  show(errors: Record<string, string>): string[];
}

function errorOf(read: () => Json | undefined, spec: Spec, required: boolean): string | null {
  try {
    const value = read();
    if (value === undefined) return required && !spec.nullable ? "This is needed." : null;
    return check(value, spec);
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    throw error;
  }
}

function single(key: string, spec: Spec, required: boolean, path: string): Field {
  const input = inputFor(spec);
  const [id, helpId, errorId] = [uniqueId("field"), uniqueId("help"), uniqueId("error")];
  const grouped = spec.kind === "choices";
  const inline = input.control.getAttribute("type") === "checkbox";
  const needed = required && !spec.nullable && !inline && spec.kind !== "constant";
  const label = h(grouped ? "span" : "label", grouped ? { id: `${id}-label` } : { for: id }, spec.title);
  label.className = "pst-label";
  if (needed) label.append(h("span", { class: "pst-needed", "aria-hidden": "true" }, " *"));
  const range = bounds(spec);
  const help = h("div", { class: "pst-help", id: helpId }, spec.help ? markdown(spec.help) : null, range ? h("span", {}, range) : null);
  if (spec.kind === "lines") help.append(h("span", {}, "One a line."));
  if (spec.kind === "json") help.append(h("span", {}, "As JSON."));
  const error = h("div", { class: "pst-error", id: errorId, role: "alert" });
  error.hidden = true;
  help.hidden = !help.childNodes.length;
  input.control.id = id;
  input.control.setAttribute("data-path", path);
  if (grouped) input.control.setAttribute("aria-labelledby", `${id}-label`);
  if (needed) input.control.setAttribute("aria-required", "true");

  function say(message: string | null): void {
    setText(error, message ?? "");
    error.hidden = !message;
    // A hidden element that describes a control is still read out: name it only while it says something.
    input.control.setAttribute("aria-describedby", [help.hidden ? "" : helpId, message ? errorId : ""].join(" ").trim());
    input.control.setAttribute("aria-invalid", message ? "true" : "false");
    el.classList.toggle("pst-invalid", Boolean(message));
  }
  if (!help.hidden) input.control.setAttribute("aria-describedby", helpId);
  const judge = (): string | null => errorOf(input.read, spec, required);
  const el = inline
    ? h("div", { class: "pst-field pst-field-inline" }, h("div", { class: "pst-inline" }, input.el, label), help, error)
    : h("div", { class: "pst-field" }, label, help, input.el, error);
  // Complain when the field is left, take the complaint back as soon as it is mended.
  input.el.addEventListener("change", () => say(judge()));
  input.el.addEventListener("input", () => error.hidden || say(judge()));
  return {
    el,
    fill: (value) => input.fill(value === undefined ? spec.initial : value),
    read(values) {
      const value = input.read();
      if (value !== undefined) values[key] = value;
      else if (spec.nullable) values[key] = null;
      // Emptying a text that has a default means the empty text, not the default.
      else if (typeof spec.initial === "string" && spec.kind !== "choice" && !required) values[key] = "";
    },
    check() {
      const message = judge();
      say(message);
      return message ? [input.control] : [];
    },
    show(errors) {
      const own = Object.keys(errors).filter((name) => name === path || name.startsWith(`${path}.`));
      if (own.length) say(own.map((name) => errors[name]).join(" "));
      return own;
    },
  };
}

function group(key: string, spec: Spec, root: Schema, path: string, depth: number): Field {
  const inner = fieldsOf(spec.schema, root, path, depth + 1);
  const el = h(
    "fieldset",
    { class: "pst-group" },
    h("legend", { class: "pst-label" }, spec.title),
    spec.help ? h("div", { class: "pst-help" }, markdown(spec.help)) : null,
    inner.el,
  );
  return {
    el,
    fill(value) {
      const given = value === undefined ? spec.initial : value;
      inner.fill(given !== null && typeof given === "object" && !Array.isArray(given) ? given : {});
    },
    read: (values) => void (values[key] = inner.read()),
    check: inner.check,
    show: inner.show,
  };
}

export interface Fields {
  el: HTMLElement;
  fill(values: Values): void;
  read(): Values;
  check(): HTMLElement[];
  show(errors: Record<string, string>): string[];
}

/** Make the fields of an object; nesting deeper than four levels is edited as JSON. */
export function fieldsOf(schema: Schema, root: Schema, path = "", depth = 0): Fields {
  const made = properties(schema, root).map(({ key, spec, required }) => {
    const own = path ? `${path}.${key}` : key;
    const nested = spec.kind === "object" && !spec.nullable && depth < 4;
    const flat: Spec = spec.kind === "object" ? { ...spec, kind: "json" } : spec;
    return { key, field: nested ? group(key, spec, root, own, depth) : single(key, flat, required, own) };
  });
  return {
    el: h("div", { class: "pst-fields" }, ...made.map(({ field }) => field.el)),
    fill: (values) => made.forEach(({ key, field }) => field.fill(values[key])),
    read() {
      const values: Values = {};
      made.forEach(({ field }) => field.read(values));
      return values;
    },
    check: () => made.flatMap(({ field }) => field.check()),
    show: (errors) => made.flatMap(({ field }) => field.show(errors)),
  };
}
