// What differs between two texts, word by word, so that the eye goes to it.

/** A piece of a text; `changed` if the other side does not have it. */
export interface Piece {
  readonly text: string;
  readonly changed: boolean;
}

const LONGEST = 400;

function words(text: string): readonly string[] {
  return text.match(/\s+|[^\s]+/gu) ?? [];
}

/** The pieces of `text` that `other` does not have in that order. */
export function difference(text: string, other: string): readonly Piece[] {
  const a = words(text);
  const b = words(other);
  if (a.length > LONGEST || b.length > LONGEST) {
    return [{ text, changed: text !== other }];
  }
  // Longest common subsequence; texts are short.
  const table: number[][] = Array.from({ length: a.length + 1 }, () =>
    new Array<number>(b.length + 1).fill(0),
  );
  const at = (i: number, j: number) => table[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = table[i];
      if (row) {
        row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  const pieces: { text: string; changed: boolean }[] = [];
  const put = (word: string, changed: boolean) => {
    const last = pieces[pieces.length - 1];
    if (last && last.changed === changed) {
      last.text += word;
    } else {
      pieces.push({ text: word, changed });
    }
  };
  let i = 0;
  let j = 0;
  while (i < a.length) {
    const word = a[i] as string;
    if (j < b.length && word === b[j]) {
      put(word, false);
      i += 1;
      j += 1;
    } else if (j < b.length && at(i, j + 1) > at(i + 1, j)) {
      j += 1;
    } else {
      put(word, true);
      i += 1;
    }
  }
  // The space between two changed words is marked with them.
  return pieces.reduce<Piece[]>((joined, piece, index) => {
    const last = joined[joined.length - 1];
    const between = /^\s+$/u.test(piece.text) && last?.changed && pieces[index + 1]?.changed;
    if (last?.changed && (between || piece.changed)) {
      joined[joined.length - 1] = { text: last.text + piece.text, changed: true };
    } else {
      joined.push(piece);
    }
    return joined;
  }, []);
}

/** `Patient.address[0].postalCode` as people read it: `Address · postal code`. */
export function pathWords(path: string): string {
  const parts = path
    .split('.')
    .slice(1)
    .map((part) =>
      part
        .replace(/\[(\d+)\]$/, (_, n: string) => (n === '0' ? '' : ` ${Number(n) + 1}`))
        .replace(/([a-z])([A-Z])/g, '$1 $2')
        .toLowerCase(),
    )
    .filter(Boolean);
  const text = (parts.length > 0 ? parts : [path]).join(' · ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
