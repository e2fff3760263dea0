import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../test/fake/inbox.ts';
import { formOf, proposed, resultOf } from './merging.ts';

const [pair] = inboxOf().pairs;
if (!pair) {
  throw new Error('the fake inbox has a pair');
}
const field = (element: string) => {
  const found = pair.fields.find((one) => one.element === element);
  if (!found) {
    throw new Error(`no ${element}`);
  }
  return found;
};

describe('merging', () => {
  it('proposes what loses nothing', () => {
    const choices = proposed(pair);
    expect(choices.sources).toEqual({
      name: 'one',
      identifier: 'both',
      telecom: 'both',
      address: 'other',
    });
    expect(resultOf(field('name'), choices)).toBe('Tomasz Wiśniewski');
    expect(resultOf(field('address'), choices)).toBe('4 Mill Lane, Portsmouth, NH 03801');
    expect(resultOf(field('telecom'), choices)).toBe('(555) 0133-4492\ntw@example.org');
  });

  it('sends only what is not the survivor’s own', () => {
    expect(formOf(pair, proposed(pair))).toEqual({
      survivor: 'pat-14',
      survivorVersion: 4,
      replaced: 'pat-x7',
      replacedVersion: 1,
      taken: [
        { element: 'identifier', beside: true },
        { element: 'telecom', beside: true },
        { element: 'address', beside: false },
      ],
    });
  });

  it('begins anew when the other record shall stay', () => {
    const choices = proposed(pair, 'other');
    expect(choices.sources.address).toBe('other');
    expect(formOf(pair, choices)).toMatchObject({
      survivor: 'pat-x7',
      survivorVersion: 1,
      replaced: 'pat-14',
      replacedVersion: 4,
      taken: [
        { element: 'identifier', beside: true },
        { element: 'telecom', beside: true },
      ],
    });
  });
});
