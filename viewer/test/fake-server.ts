/** A server that answers from a table, and streams that the test writes itself. */
import { vi } from "vitest";
import type { Source } from "../src/studio/live.svelte";
import type { Run } from "../src/studio/types";

export const RUN: Run = {
  id: "20261126-125230-k3f9ab", experiment: "dream", model: "minilm", text: "no wheeler for me .", state: "running",
  created: "2026-11-26T12:52:30Z", seconds: 0, place: null, progress: null, headline: null, error: null, note: null, continues: null,
  continued_by: null, has_result: false, has_concept: false, pausing: false, stopping: false, actions: ["pause", "stop"],
}; // prettier-ignore

/** A value, a status with a value, or a function of the request's body. */
export type Answer = unknown;

export class Answered {
  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {}
}

/** Keys are `GET /api/about`; the query is left out. Answers may be changed while the test runs. */
export function serve(answers: Record<string, Answer>): { asked: { key: string; url: string; body: unknown }[]; answers: Record<string, Answer> } {
  const asked: { key: string; url: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (url: string, options: RequestInit = {}) => {
    const key = `${options.method ?? "GET"} ${url.split("?")[0]}`;
    const body: unknown = typeof options.body === "string" ? JSON.parse(options.body) : null;
    asked.push({ key, url, body });
    if (answers["gone"]) throw new TypeError("Failed to fetch");
    let answer: unknown = answers[key] ?? new Answered(404, { error: `${key} is not here` });
    if (typeof answer === "function") answer = (answer as (body: unknown, url: string) => unknown)(body, url);
    const { status, body: content } = answer instanceof Answered ? answer : new Answered(200, answer);
    return new Response(status === 204 ? null : JSON.stringify(content), { status });
  });
  return { asked, answers };
}

export class FakeSource implements Source {
  static all: FakeSource[] = [];
  readyState = 1;
  #listeners = new Map<string, ((event: MessageEvent<string>) => void)[]>();

  constructor(readonly url: string) {
    FakeSource.all.push(this);
  }
  addEventListener(name: string, listen: (event: MessageEvent<string>) => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listen]);
  }
  send(name: string, data: unknown = {}, lastEventId = ""): void {
    for (const listen of this.#listeners.get(name) ?? []) listen({ data: JSON.stringify(data), lastEventId } as MessageEvent<string>);
  }
  close(): void {
    this.readyState = 2;
  }
}
