// A reason for a record, as the server takes it.
export const SHORTEST = 3;
export const LONGEST = 500;

/** Characters as people and the server count them, not UTF-16 units. */
export function lengthOf(text: string): number {
  return [...text.trim()].length;
}

/** Whether the server takes a text of this length. */
export function fits(text: string, shortest = SHORTEST, longest = LONGEST): boolean {
  const length = lengthOf(text);
  return length >= shortest && length <= longest;
}

/** A usual reason put to what is typed: instead of another usual one, else after it. */
export function withUsual(typed: string, usual: string, all: readonly string[]): string {
  const text = typed.trim();
  if (text === '' || all.includes(text)) {
    return usual;
  }
  return text.includes(usual) ? text : `${text}. ${usual}`.replaceAll('..', '.');
}
