/** The checks a browser can make at once; Python has the last word. */

import type { Spec } from "./schema";
import type { Json } from "./types";

function number(value: number, spec: Spec): string | null {
  const { schema } = spec;
  if (spec.kind === "integer" && !Number.isInteger(value)) return "Enter a whole number.";
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && maximum !== undefined && (value < minimum || value > maximum))
    return `Enter a number from ${minimum} to ${maximum}.`;
  if (minimum !== undefined && value < minimum) return `Must be at least ${minimum}.`;
  if (maximum !== undefined && value > maximum) return `Must be at most ${maximum}.`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `Must be greater than ${exclusiveMinimum}.`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return `Must be less than ${exclusiveMaximum}.`;
  if (multipleOf) {
    const ratio = value / multipleOf;
    if (Math.abs(ratio - Math.round(ratio)) > 1e-9 * Math.max(1, Math.abs(ratio))) return `Must be a multiple of ${multipleOf}.`;
  }
  return null;
}

function text(value: string, spec: Spec): string | null {
  const { minLength, maxLength, pattern } = spec.schema;
  const length = [...value].length;
  if (minLength !== undefined && length < minLength) return `Needs at least ${minLength} character${minLength === 1 ? "" : "s"}.`;
  if (maxLength !== undefined && length > maxLength) return `At most ${maxLength} characters; this is ${length}.`;
  if (pattern === undefined) return null;
  try {
    return new RegExp(pattern, "u").test(value) ? null : `Does not match the pattern ${pattern}`;
  } catch {
    return null; // a pattern only Python's engine can read
  }
}

function list(value: Json[], spec: Spec): string | null {
  const { minItems, maxItems } = spec.schema;
  const least = minItems === 1 ? "Choose at least one." : `Needs at least ${minItems}.`;
  if (minItems !== undefined && value.length < minItems) return least;
  if (maxItems !== undefined && value.length > maxItems) return `At most ${maxItems}.`;
  return null;
}

/** Say what is wrong with a value that was read without error, or null. */
export function check(value: Json, spec: Spec): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return list(value, spec);
  if (spec.kind === "integer" || spec.kind === "number") return number(Number(value), spec);
  return typeof value === "string" && (spec.kind === "text" || spec.kind === "long" || spec.kind === "secret") ? text(value, spec) : null;
}

/** What may be entered, in words, to stand beside the help. */
export function bounds(spec: Spec): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = spec.schema;
  const parts: string[] = [];
  if (minimum !== undefined && maximum !== undefined) parts.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) parts.push(`${minimum} or more`);
  else if (maximum !== undefined) parts.push(`${maximum} or less`);
  if (exclusiveMinimum !== undefined) parts.push(`more than ${exclusiveMinimum}`);
  if (exclusiveMaximum !== undefined) parts.push(`less than ${exclusiveMaximum}`);
  if (multipleOf !== undefined && multipleOf !== 1) parts.push(`multiple of ${multipleOf}`);
  return parts.join(", ");
}
