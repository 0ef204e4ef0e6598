/** Tokens of vocabularies of bytes, such as GPT-2's, spelled as letters. Mirrors `spelled` in textdream/report/readable.py. */

// GPT-2 writes a byte as the character of its number where that can be seen, and the 68 others as those from 256 on.
const seen = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
const unseen = [...Array(256).keys()].filter((byte) => !seen(byte));
const BYTES = new Map([...Array(256).keys()].map((byte) => [seen(byte) ? byte : 256 + unseen.indexOf(byte), byte]));

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * `cafÃ©` as `café`; any other token as it is, and also one that holds part of a letter. Marks of a word's begin stay.
 *
 * Bytes are written as letters that words are written with too: `đ` is one byte of control, and a letter. So a token counts
 * as bytes only where they make a letter outside of ASCII, or are line ends alone.
 */
export function spelled(token: string): string {
  const [, begin = "", rest = ""] = /^([Ġ▁]*)(.*)$/su.exec(token)!;
  if (!/[^\0-\x7f]/.test(rest)) return token;
  const bytes = [...rest].map((letter) => BYTES.get(letter.codePointAt(0)!));
  if (bytes.includes(undefined)) return token;
  try {
    const letters = utf8.decode(Uint8Array.from(bytes as number[]));
    return /[^\0-\x7f]/.test(letters) || /^Ċ+$/.test(rest) ? begin + letters : token;
  } catch {
    return token;
  }
}
