/** Requests to the server. All go to where the page came from. */

/** The server says no, with a sentence for people. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number,
    /** Dotted path of the setting it is about, where one is known. */
    readonly where: string | null = null,
  ) {
    super(message);
  }
}

/** No answer came at all. */
export class Gone extends Error {
  constructor() {
    super("The server does not answer; textdream studio may have ended. The page goes on when it is back.");
  }
}

const KEY = "textdream-client";
let known: string | null = null;

/** Who this browser is in the queue: a random word that means nothing else. */
function client(): string {
  if (known) return known;
  try {
    known = localStorage.getItem(KEY);
  } catch {
    known = null;
  }
  if (known && /^[A-Za-z0-9_-]{8,64}$/.test(known)) return known;
  known = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    localStorage.setItem(KEY, known);
  } catch {
    // Then it holds for this page alone.
  }
  return known;
}

interface Options {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
}

/**
 * One request.
 *
 * @throws Refusal where the server says no, Gone where none answers, the signal's AbortError
 */
export async function call<T>(path: string, { method = "GET", body, signal }: Options = {}): Promise<T> {
  const headers: Record<string, string> = { "X-Textdream-Client": client() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, signal: signal ?? null, body: body === undefined ? null : JSON.stringify(body) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Gone();
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Refusal(`The server answered ${response.status} with something that is no JSON.`, response.status);
  }
  if (response.ok) return data as T;
  const { error, where = null } = (data ?? {}) as { error?: unknown; where?: string | null };
  throw new Refusal(typeof error === "string" ? error : `The server answered ${response.status}.`, response.status, where);
}

/** An error as a sentence. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
