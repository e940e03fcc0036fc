/** How a state looks: an icon and a word beside every colour, so that colour alone never carries meaning. */

import { svg } from "./dom";

/** States of tasks in the order in which bars and summaries show them. */
export const TASK_STATES = ["COMPLETED", "RUNNING", "FAILED", "CRASHED", "CANCELLED", "SCHEDULED", "PENDING"] as const;

const WORDS: Record<string, string> = {
  COMPLETED: "done",
  RUNNING: "running",
  FAILED: "failed",
  CRASHED: "crashed",
  CANCELLED: "cancelled",
  CANCELLING: "cancelling",
  SCHEDULED: "scheduled",
  PENDING: "pending",
  PAUSED: "paused",
};

/** Icons on a 16 x 16 grid, drawn as strokes. */
const PATHS: Record<string, string> = {
  COMPLETED: "M3.5 8.5l3 3 6-7",
  RUNNING: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  FAILED: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  CRASHED: "M9 2L4.5 9H8l-1 5 4.5-7H8z",
  CANCELLED: "M8 2.5a5.5 5.5 0 1 0 .01 0M4.2 4.2l7.6 7.6",
  CANCELLING: "M8 2.5a5.5 5.5 0 1 0 .01 0M4.2 4.2l7.6 7.6",
  PAUSED: "M5.5 3.5v9M10.5 3.5v9",
  SCHEDULED: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3.2l2.2 1.5",
  PENDING: "M8 2.5a5.5 5.5 0 1 0 .01 0",
};

export function word(state: string): string {
  return WORDS[state] ?? state.toLowerCase();
}

/** The class that sets `--pst-c`, the colour of a state. */
export function tone(state: string): string {
  return `pst-is-${state.toLowerCase().replace(/[^a-z]/g, "")}`;
}

export function icon(state: string, size = 14): SVGElement {
  return svg(
    "svg",
    {
      class: state === "RUNNING" ? "pst-icon pst-spin" : "pst-icon",
      width: size,
      height: size,
      viewBox: "0 0 16 16",
      "aria-hidden": "true",
    },
    svg("path", { d: PATHS[state] ?? PATHS["PENDING"] }),
  );
}

/** The one state that stands for a group of task runs: trouble first, then movement, then rest. */
export function overall(counts: Record<string, number>, total: number): string {
  for (const state of ["FAILED", "CRASHED", "RUNNING"]) if (counts[state]) return state;
  const done = counts["COMPLETED"] ?? 0;
  if (total > 0 && done >= total) return "COMPLETED";
  if (counts["CANCELLED"]) return "CANCELLED";
  if (done > 0) return "RUNNING";
  return counts["SCHEDULED"] ? "SCHEDULED" : "PENDING";
}

/** Counts in words: "8 done, 1 failed", or "done" when there is but one run. */
export function spelled(counts: Record<string, number>, total: number): string {
  const states = TASK_STATES.filter((state) => counts[state]);
  if (total === 1 && states.length === 1) return word(states[0] as string);
  return states.map((state) => `${counts[state]} ${word(state)}`).join(", ") || "pending";
}

export function seconds(value: number): string {
  if (!Number.isFinite(value) || value < 0) return "–";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  const whole = Math.floor(value);
  const two = (n: number): string => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)} min`;
}
