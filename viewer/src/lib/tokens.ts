/** How tokens are put together as readable text. Mirrors textdream/report/text.py. */

import { spelled } from "./bytes";
import { number } from "./format";

export interface Piece {
  /** What is shown: without the marks of the vocabulary. */
  text: string;
  /** Whether it stands right behind the piece before, without a space. */
  glued: boolean;
  /** A token that is no part of the text, such as [CLS]. */
  special: boolean;
}

/** What is said of a single token: a sign beside the colour, and words for those who hear it. */
export interface Mark {
  name: "good" | "near" | "bad";
  sign: string;
  says: string;
}

// As BERT's and RoBERTa's tokenizers write it, the one special token that is part of a text; and a token that is not known.
const MASKS = new Set(["[MASK]", "<mask>", "[?]"]);

const SIGNS: Record<string, string> = { "\n": "↵", "\r": "↵", "\t": "⇥" };

/**
 * What cannot be seen, as signs: control and format characters, which would break a line or turn its direction, an accent
 * without a letter, nothing at all. A joiner between two emoji or letters is left.
 */
export const visible = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}|^[\u200c\u200d]+$/gu, (one) => SIGNS[one] ?? `⟨${one.codePointAt(0)!.toString(16)}⟩`)
    .replace(/^(?=\p{M})/u, "◌") || "␣";

/** Vocabulary forms (`##ing`, `Ġthe`, `▁the`) as pieces of text. */
export function pieces(tokens: readonly string[]): Piece[] {
  const byteLevel = tokens.some((token) => /^[Ġ▁]/.test(token));
  return tokens.map((token, position) => {
    const special = /^(\[.+\]|<.+>)$/.test(token) && !MASKS.has(token);
    const first = position === 0;
    if (token.startsWith("##") && token.length > 2) return { text: visible(token.slice(2)), glued: !first, special };
    if (!byteLevel || special) return { text: visible(token), glued: false, special };
    return { text: visible(spelled(token).replace(/^[Ġ▁]+/, "")), glued: !first && !/^[Ġ▁]/.test(token), special };
  });
}

/** What is marked in a text. */
export interface Marked {
  /** Positions that changed. */
  changed?: Iterable<number>;
  /** The position whose activation is read. */
  read?: number | null;
  /** One a token. */
  values?: readonly (number | null)[] | null;
  /** The value of full colour. */
  scale?: number;
  marks?: readonly (Mark | null)[];
  /** Whether special tokens such as [CLS] are shown. */
  special?: boolean;
}

export interface Told extends Piece {
  position: number;
  changed: boolean;
  /** What its marks and colours say, in words. */
  remarks: string[];
  /** Those that are heard in the text. Of the values only those of strong colour: numbers between all words would drown them. */
  aloud: string[];
}

/** The pieces of a text that are shown, and what is said of each. */
export function told(tokens: readonly string[], { changed = [], read = null, values = null, scale = 0, marks = [], special = false }: Marked): Told[] {
  const moved = new Set(changed);
  return pieces(tokens)
    .map((piece, position) => {
      const value = values?.[position];
      const valued = value === undefined || value === null ? [] : [number(value)];
      const remarks = (values: string[]): string[] => [
        ...(position === read ? ["read here"] : []),
        ...(moved.has(position) ? ["changed"] : []),
        ...values,
        ...(marks[position] ? [marks[position].says] : []),
      ];
      const strong = Math.abs(value ?? 0) >= scale / 2;
      return { ...piece, position, changed: moved.has(position), remarks: remarks(valued), aloud: remarks(strong ? valued : []) };
    })
    // A special token that took another's place is news.
    .filter((one) => special || !one.special || one.position === read || one.changed || marks[one.position]);
}

/** A text as one line for those who hear it: `the hands (read here, changed)`. */
export const heard = (tokens: readonly string[], marked: Marked): string =>
  told(tokens, marked)
    .map(({ text, glued, aloud }) => (glued ? "" : " ") + text + (aloud.length > 0 ? ` (${aloud.join(", ")}) ` : ""))
    .join("")
    .replaceAll(/ {2,}/g, " ")
    .trim();

/** One token on its own, as in a list: a piece of a word keeps its mark, a leading space is seen. */
export const alone = (token: string): string => visible(spelled(token).replace(/^[Ġ▁]+/, "␣"));

/** Tokens as one line of text, special ones left out. */
export function sentence(tokens: readonly string[]): string {
  return pieces(tokens)
    .filter((piece) => !piece.special)
    .map((piece) => (piece.glued ? "" : " ") + piece.text)
    .join("")
    .trim();
}

/** Positions at which two texts differ; all of the second where their lengths do. */
export function differences(before: readonly string[], after: readonly string[]): number[] {
  const positions = [...after.keys()];
  return before.length === after.length ? positions.filter((i) => before[i] !== after[i]) : positions;
}

/** A text with other tokens at some positions. */
export const swapped = (tokens: readonly string[], positions: readonly number[], put: readonly string[]): string[] =>
  tokens.map((token, position) => put[positions.indexOf(position)] ?? token);
