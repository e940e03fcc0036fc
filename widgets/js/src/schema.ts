/** Reading the JSON schema of a pydantic model: which kind of input a property needs, and what it may hold. */

import type { Json, Schema } from "./types";

export type Kind =
  | "object" | "boolean" | "integer" | "number" | "text" | "long" | "secret" | "date" | "datetime" | "time"
  | "choice" | "choices" | "lines" | "constant" | "json";

export interface Spec {
  kind: Kind;
  schema: Schema;
  nullable: boolean;
  title: string;
  help: string;
  /** The default, undefined when there is none. */
  initial: Json | undefined;
  choices: Json[];
  /** For "lines": how one line becomes a value. */
  each: "text" | "integer" | "number";
}

export function titled(key: string): string {
  const words = key.replace(/[_-]+/g, " ").trim();
  return words ? words.charAt(0).toUpperCase() + words.slice(1) : key;
}

/** Follow $ref and single allOf, keeping what the outer schema says about title, description and default. */
function resolve(schema: Schema, root: Schema, depth = 0): Schema {
  const inner = schema.$ref ? root.$defs?.[schema.$ref.replace(/^#\/(\$defs|definitions)\//, "")] : schema.allOf?.length === 1 ? schema.allOf[0] : undefined;
  if (!inner || depth > 16) return schema;
  const { $ref: _ref, allOf: _all, ...outer } = schema;
  const found = resolve(inner, root, depth + 1);
  return { ...found, ...outer };
}

function options(schema: Schema): Json[] | null {
  if (schema.enum) return schema.enum;
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts?.length && parts.every((part) => part.const !== undefined || part.enum))
    return parts.flatMap((part) => part.enum ?? [part.const ?? null]);
  return null;
}

function withoutNull(schema: Schema, root: Schema): { schema: Schema; nullable: boolean } {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== "null");
    if (types.length === 1) return { schema: { ...schema, type: types[0] as string }, nullable: types.length < schema.type.length };
  }
  const parts = schema.anyOf ?? schema.oneOf;
  if (!parts) return { schema, nullable: schema.type === "null" };
  const rest = parts.map((part) => resolve(part, root)).filter((part) => part.type !== "null" && part.const !== null);
  const nullable = rest.length < parts.length;
  const { anyOf: _any, oneOf: _one, ...outer } = schema;
  if (rest.length === 1) return { schema: { ...rest[0], ...outer }, nullable };
  return { schema: { ...outer, anyOf: rest }, nullable };
}

/** A Decimal is written as "number or a string of digits": one number input that sends the text as typed. */
function isDecimal(schema: Schema): boolean {
  const types = (schema.anyOf ?? []).map((part) => part.type);
  return types.length === 2 && types.includes("number") && types.includes("string");
}

function kindOf(schema: Schema, root: Schema): Kind {
  if (schema.const !== undefined) return "constant";
  if (options(schema)) return "choice";
  if (isDecimal(schema)) return "number";
  if (schema.anyOf) return "json";
  switch (schema.type) {
    case "boolean":
    case "integer":
    case "number":
      return schema.type;
    case "object":
      return schema.properties ? "object" : "json";
    case "array": {
      const items = resolve(schema.items ?? {}, root);
      if (options(items)) return "choices";
      return items.type === "string" || items.type === "integer" || items.type === "number" ? "lines" : "json";
    }
    case "string":
      return textKind(schema);
    default:
      return "json";
  }
}

function textKind(schema: Schema): Kind {
  if (schema.format === "date") return "date";
  if (schema.format === "date-time") return "datetime";
  if (schema.format === "time") return "time";
  if (schema.format === "password") return "secret";
  const long = schema.format === "textarea" || (schema.maxLength ?? 0) > 200;
  return long || (typeof schema.default === "string" && schema.default.includes("\n")) ? "long" : "text";
}

export function specOf(key: string, property: Schema, root: Schema): Spec {
  const outer = resolve(property, root);
  const { schema, nullable } = withoutNull(outer, root);
  const kind = kindOf(schema, root);
  const items = resolve(schema.items ?? {}, root);
  const bounded = isDecimal(schema) ? { ...schema.anyOf?.find((part) => part.type === "number"), ...schema } : schema;
  return {
    kind,
    schema: bounded,
    nullable,
    // The title of a referenced class names the class, not the field.
    title: property.title ?? (property.$ref || property.allOf || property.anyOf ? titled(key) : (outer.title ?? titled(key))),
    help: property.description ?? (property.$ref ? "" : (outer.description ?? "")),
    initial: outer.default,
    choices: options(kind === "choices" ? items : schema) ?? [],
    each: items.type === "integer" || items.type === "number" ? items.type : "text",
  };
}
