/** Deep merge of patches, with the same rules as patches.py: see there for why three keys are replaced whole. */

import type { Json, LogLine, Snapshot } from "./types";

type Dict = { [key: string]: Json };

const WHOLE = new Set(["errors", "values", "schema"]);
const LOG_LIMIT = 200;

function isDict(value: Json | undefined): value is Dict {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function merge(base: Dict, patch: Dict, path: string[]): Dict {
  const result: Dict = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const old = Object.prototype.hasOwnProperty.call(base, key) ? base[key] : undefined;
    const whole = path[0] === "pauses" && path.length === 2 && WHOLE.has(key);
    const merged = isDict(value) && isDict(old) && !whole ? merge(old, value, [...path, key]) : value;
    // defineProperty: a task may be called "__proto__".
    Object.defineProperty(result, key, { value: merged, enumerable: true, writable: true, configurable: true });
  }
  return result;
}

export function mergePatch(snapshot: Snapshot, patch: Dict): Snapshot {
  const { logs, ...rest } = patch;
  const merged = merge(snapshot as unknown as Dict, rest, []) as unknown as Snapshot;
  if (!isDict(logs)) return merged;
  const { append, ...others } = logs;
  const result = { ...merged.logs, ...others } as Snapshot["logs"];
  if (Array.isArray(append)) {
    result.lines = [...result.lines, ...(append as unknown as LogLine[])].slice(-LOG_LIMIT);
  }
  return { ...merged, logs: result };
}

export function complete(value: unknown): Snapshot {
  const given = (value ?? {}) as Partial<Snapshot>;
  const run = {
    id: "", name: "", flow_name: "", state_type: "PENDING", state_name: "Pending",
    message: "", runner: "", started: null, ended: null, ...given.run,
  };
  return {
    run,
    tasks: given.tasks ?? {},
    artifacts: given.artifacts ?? {},
    pauses: given.pauses ?? {},
    logs: { lines: given.logs?.lines ?? [], dropped: given.logs?.dropped ?? 0 },
  };
}
