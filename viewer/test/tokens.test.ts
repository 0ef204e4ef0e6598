import { expect, test } from "vitest";
import { number, percent, tick } from "../src/lib/format";
import { alone, heard, pieces, sentence } from "../src/lib/tokens";

test("what marks and strong colours say of a token is heard behind it", () => {
  const tokens = ["[CLS]", "em", "##bed", "the", "hands", "[SEP]"];
  expect(heard(tokens, {})).toBe("embed the hands");
  const wrong = { name: "bad", sign: "✗", says: "wrong: the text given has “a”" } as const;
  expect(heard(tokens, { changed: [2, 4, 5], read: 4, marks: [null, null, null, wrong] })).toBe(
    "embed (changed) the (wrong: the text given has “a”) hands (read here, changed) [SEP] (changed)",
  );
  expect(heard(tokens, { changed: [1] })).toBe("em (changed) bed the hands");
  expect(heard(tokens, { read: 4, values: [9, 1, -2, 0.5, 4, 0], scale: 4 })).toBe("embed (−2) the hands (read here, 4)");
});

test("pieces of words are put together as each kind of vocabulary marks them", () => {
  expect(sentence(["[CLS]", "em", "##bed", "##ding", "[SEP]"])).toBe("embedding");
  expect(sentence(["<s>", "The", "Ġca", "t", "</s>"])).toBe("The cat");
  expect(sentence(["▁The", "▁ca", "t"])).toBe("The cat");
  expect(sentence(["漢", "##字"])).toBe("漢字");
});

test("a mask and a token that a file does not have are part of the text, other special tokens are not", () => {
  expect(sentence(["[CLS]", "a", "[MASK]", "[?]", "<mask>", "[SEP]", "[unused1]"])).toBe("a [MASK] [?] <mask>");
});

test("what cannot be seen is shown as a sign, and cannot break a line or turn the text", () => {
  expect(pieces(["a\nb", "\t", "", "\u202e", "\u0301", "\u200d"]).map((piece) => piece.text)).toEqual(["a↵b", "⇥", "␣", "⟨202e⟩", "◌\u0301", "⟨200d⟩"]);
  expect([alone("Ġ\u200b"), alone("Ġthe"), alone("##ing")]).toEqual(["␣⟨200b⟩", "␣the", "##ing"]);
});

test("an emoji of several stays whole, and so does a letter with its accents", () => {
  expect(pieces(["👩\u200d👧", "e\u0301\u0302"]).map((piece) => piece.text)).toEqual(["👩\u200d👧", "e\u0301\u0302"]);
});

test("tokens of bytes are spelled as letters, and others are left as they are", () => {
  expect(sentence(["Ġthe", "ĠcafÃ©", "Ċ", "ĠðŁĺĢ", "naïve"])).toBe("the café↵ 😀naïve");
  // Bytes that are part of a letter, and letters that are no bytes.
  expect([alone("Ã©"), alone("ðŁĺ"), alone("é"), alone("漢"), alone("▁für")]).toEqual(["é", "ðŁĺ", "é", "漢", "␣für"]);
  // Letters that bytes are written with, in words.
  expect([alone("▁się"), alone("##đ"), alone("č"), alone("ağa")]).toEqual(["␣się", "##đ", "č", "ağa"]);
});

test("numbers of any size are short", () => {
  expect([1e30, -1e30, 1e-30, 123456789, 0].map((value) => number(value))).toEqual(["1.0e30", "−1.0e30", "1.0e-30", "123,456,789", "0"]);
  expect([1e30, -2e30, 1e-30, 1500].map((value) => tick(value))).toEqual(["1e30", "−2e30", "1e-30", "1,500"]);
});

test("a share that is not 0 is not written as 0", () => {
  expect([0, 0.00001, 0.00005, 1].map((share) => percent(share, 2))).toEqual(["0.00 %", "< 0.01 %", "0.01 %", "100.00 %"]);
  expect([0.004, 0.006].map((share) => percent(share))).toEqual(["< 1 %", "1 %"]);
});
