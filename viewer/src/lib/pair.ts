import type { AnyResult } from "../schema";

export function isPair(_data: unknown): boolean {
  return false;
}

export function fromPair(_data: unknown, _name: string): AnyResult {
  throw new Error("not yet");
}
