// Choosing a side for each element that both changed.
import type { ConflictField, ConflictSide } from '../../shared/bindings.ts';

/** The sides chosen so far, by path. */
export type Sides = Readonly<Record<string, ConflictSide>>;

/** Where one side alone changed something, that is its side until a person says otherwise. */
export function firstSides(fields: readonly ConflictField[]): Sides {
  const sides: Record<string, ConflictSide> = {};
  for (const field of fields.filter((one) => one.touching)) {
    if (field.mine === field.base && field.theirs !== field.base) {
      sides[field.path] = 'theirs';
    } else if (field.theirs === field.base && field.mine !== field.base) {
      sides[field.path] = 'mine';
    }
  }
  return sides;
}

/** How many elements still need a side. */
export function undecided(fields: readonly ConflictField[], sides: Sides): number {
  return fields.filter((field) => field.touching && sides[field.path] === undefined).length;
}

/** What an element becomes; nothing while it needs a side. */
export function resultOf(field: ConflictField, sides: Sides): { text: string | null } | undefined {
  if (!field.touching) {
    // One side changed it: what is not as before is what comes.
    return { text: field.mine === field.base ? field.theirs : field.mine };
  }
  const side = sides[field.path];
  return side && { text: side === 'mine' ? field.mine : field.theirs };
}

/** What is sent: a side for each touching element. */
export function chosen(fields: readonly ConflictField[], sides: Sides) {
  return fields.flatMap((field) => {
    const side = sides[field.path];
    return field.touching && side ? [{ path: field.path, side }] : [];
  });
}
