/** The snapshot of one run, as Python sends it. Every value is plain JSON. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Run {
  id: string;
  name: string;
  flow_name: string;
  state_type: string;
  state_name: string;
  message: string;
  runner: string;
  started: string | null;
  ended: string | null;
}

export interface Task {
  name: string;
  total: number;
  counts: Record<string, number>;
  cached: number;
  retries: number;
  order: number;
  upstream: string[];
  seconds: number;
}

export interface Artifact {
  id: string;
  key: string | null;
  type: string;
  description: string | null;
  data: Json;
  order: number;
}

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  uniqueItems?: boolean;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
}

export interface Pause {
  id: string;
  key: string;
  state: "waiting" | "answered" | "closed";
  title: string;
  description: string;
  schema: Schema;
  values: Record<string, Json>;
  errors: Record<string, string>;
  answered_via: string | null;
}

export interface LogLine {
  at: string;
  level: string;
  text: string;
  task: string;
}

export interface Snapshot {
  run: Run;
  tasks: Record<string, Task>;
  artifacts: Record<string, Artifact>;
  pauses: Record<string, Pause>;
  logs: { lines: LogLine[]; dropped: number };
}

export type Outgoing =
  | { kind: "ready" }
  | { kind: "cancel"; nonce: string }
  | { kind: "answer"; pause: string; values: Record<string, Json>; nonce: string };

/** What a view may do to the world. `send` returns false when the kernel cannot be reached. */
export interface Actions {
  send(message: Outgoing): boolean;
}

/** One block of the panel: drawn once, then told of every new snapshot. */
export interface Section {
  el: HTMLElement;
  update(snapshot: Snapshot): void;
  dispose?(): void;
}
