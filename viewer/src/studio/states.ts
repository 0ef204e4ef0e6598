/** The states of a run: a sign, a colour and a word each. */
import type { Run, RunState } from "./types";

export const STATES: Record<RunState, { sign: string; colour: "good" | "near" | "bad" | "accent"; says: string }> = {
  queued: { sign: "…", colour: "accent", says: "waiting" },
  running: { sign: "▶", colour: "accent", says: "running" },
  paused: { sign: "❚❚", colour: "near", says: "paused" },
  done: { sign: "✓", colour: "good", says: "done" },
  stopped: { sign: "■", colour: "near", says: "stopped, the best is kept" },
  interrupted: { sign: "⚠", colour: "near", says: "interrupted: the server ended under it" },
  failed: { sign: "✗", colour: "bad", says: "failed" },
  broken: { sign: "✗", colour: "bad", says: "its file cannot be read" },
};

/** The state in words, with the place in the queue. */
export function stateText(run: Pick<Run, "state" | "place" | "pausing" | "stopping" | "has_result">): string {
  if (run.stopping && (run.state === "queued" || run.state === "paused")) return "stopping when the engine is free";
  if (run.state === "stopped" && !run.has_result) return "stopped before there was a result";
  if (run.state === "queued") return run.place === null ? "waiting" : run.place === 1 ? "next in the queue" : `number ${run.place} in the queue`;
  if (run.state === "running" && run.stopping) return "stopping when the step under way is done";
  if (run.state === "running" && run.pausing) return "pausing when the step under way is done";
  return STATES[run.state].says;
}
