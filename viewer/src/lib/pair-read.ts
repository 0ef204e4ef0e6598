/** What stands in PAIR's runs, checked: each function throws a few words that name the key at fault. */

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };
export type Run = { [key: string]: Json };

export const isObject = (value: unknown): value is Run => typeof value === "object" && value !== null && !Array.isArray(value);

export function object(from: Run, key: string): Run {
  const value = from[key];
  if (!isObject(value)) throw new Error(`no ${key}`);
  return value;
}

export function list(from: Run, key: string): Run[] {
  const value = from[key];
  if (!Array.isArray(value) || value.length === 0 || !value.every(isObject)) throw new Error(`no list of ${key}`);
  return value;
}

export function num(from: Run, key: string): number {
  const value = from[key];
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Error(`${key} that is no number`);
  return value;
}

export const optional = (from: Run, key: string): number | null =>
  from[key] === null || from[key] === undefined ? null : num(from, key);

export function index(from: Run, key: string): number {
  const value = num(from, key);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${key} that is no whole number from 0 on`);
  return value;
}

/** A layer, word or neuron: null and -1 mean all of them. */
export const where = (from: Run, key: string): number | null => (optional(from, key) === -1 || optional(from, key) === null ? null : index(from, key));

export function strings(from: Run, key: string): string[] {
  const value = from[key];
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => typeof each === "string"))
    throw new Error(`${key} that are no list of texts`);
  return value;
}

/** As many numbers as tokens; null where there are none. */
export function numbers(from: Run, key: string, size: number): number[] | null {
  const value = from[key];
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value) || !value.every((each) => typeof each === "number")) throw new Error(`${key} that are no list of numbers`);
  if (value.length !== size) throw new Error(`${value.length} ${key}, but ${size} tokens`);
  return value as number[];
}

export function text(from: Run, key: string): string {
  const value = from[key];
  if (typeof value !== "string") throw new Error(`${key} that is no text`);
  return value;
}

/** Positions that were free to change; 0 or -1 as the end mean the last before [SEP]. */
export function freePositions(params: Run): number[] {
  const size = strings(params, "tokens").length;
  const from = optional(params, "dream_start") ?? -1;
  const to = optional(params, "dream_end") ?? -1;
  return between(from === -1 ? 1 : from, to === -1 || to === 0 ? size - 2 : to, size, "dream");
}

/** Positions whose activations were moved. */
export const shiftedPositions = (params: Run): number[] =>
  between(index(params, "shift_start"), index(params, "shift_end"), strings(params, "tokens").length, "shift");

function between(from: number, to: number, size: number, name: string): number[] {
  if (!(from >= 0 && from <= to && to < size)) throw new Error(`${name}_start ${from} and ${name}_end ${to}, but ${size} tokens`);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The iterations of a run, each with as many tokens as the text. */
export function iterations(run: Run): Run[] {
  const size = strings(object(run, "params"), "tokens").length;
  const found = list(object(run, "results"), "iterations");
  for (const each of found)
    if (strings(each, "tokens").length !== size)
      throw new Error(`${strings(each, "tokens").length} tokens in iteration ${index(each, "number")}, but ${size} in the text`);
  return found;
}
