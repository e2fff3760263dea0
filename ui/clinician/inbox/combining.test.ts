import { describe, expect, it } from 'vitest';
import type { ConflictField } from '../../shared/bindings.ts';
import { chosen, firstSides, resultOf, undecided } from './combining.ts';

function field(path: string, base: string, mine: string, theirs: string, touching = true) {
  return { path, base, mine, theirs, touching } satisfies ConflictField;
}

describe('combining', () => {
  const fields = [
    field('A.both', '1', '2', '3'),
    field('A.onlyMine', '1', '2', '1'),
    field('A.onlyTheirs', '1', '1', '3'),
    field('A.merges', '1', '1', '3', false),
    field('A.mergesMine', '1', '2', '1', false),
  ];

  it('asks only where both changed something', () => {
    const sides = firstSides(fields);
    expect(sides).toEqual({ 'A.onlyMine': 'mine', 'A.onlyTheirs': 'theirs' });
    expect(undecided(fields, sides)).toBe(1);
    expect(undecided(fields, { ...sides, 'A.both': 'theirs' })).toBe(0);
  });

  it('shows what comes of it, and nothing before a side is chosen', () => {
    const sides = firstSides(fields);
    expect(fields.map((one) => resultOf(one, sides)?.text)).toEqual([
      undefined,
      '2',
      '3',
      '3',
      '2',
    ]);
    expect(resultOf(fields[0] as ConflictField, { 'A.both': 'mine' })?.text).toBe('2');
  });

  it('sends a side for each touching element and no other', () => {
    const sides = { ...firstSides(fields), 'A.both': 'mine' as const, 'A.merges': 'mine' as const };
    expect(chosen(fields, sides)).toEqual([
      { path: 'A.both', side: 'mine' },
      { path: 'A.onlyMine', side: 'mine' },
      { path: 'A.onlyTheirs', side: 'theirs' },
    ]);
  });
});
