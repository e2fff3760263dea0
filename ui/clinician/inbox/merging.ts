// Choosing which of two records stays and what it takes over from the other.
import type { MergeForm, PairField, PairView, TakenField } from '../../shared/bindings.ts';

/** Where an element comes from. */
export type Source = 'one' | 'other' | 'both';

/** What was chosen so far. */
export interface Choices {
  readonly survivor: 'one' | 'other';
  readonly sources: Readonly<Record<string, Source>>;
}

function first(field: PairField, survivor: 'one' | 'other'): Source {
  if (field[survivor] === null) {
    return survivor === 'one' ? 'other' : 'one';
  }
  const listed = field.isList && field.one !== null && field.other !== null;
  // What a person is called is not doubled unless somebody says so; nothing else is lost.
  return listed && field.element !== 'name' ? 'both' : survivor;
}

/** What is proposed: the survivor's own, what it lacks from the other, and lists together. */
export function proposed(pair: PairView, survivor: 'one' | 'other' = 'one'): Choices {
  const sources = pair.fields.map((field) => [field.element, first(field, survivor)]);
  return { survivor, sources: Object.fromEntries(sources) };
}

/** What an element becomes. */
export function resultOf(field: PairField, choices: Choices): string | null {
  const source = choices.sources[field.element];
  if (source !== 'both') {
    return source ? field[source] : null;
  }
  const other = choices.survivor === 'one' ? 'other' : 'one';
  const lines = `${field[choices.survivor] ?? ''}\n${field[other] ?? ''}`.split('\n');
  return [...new Set(lines.filter((line) => line !== ''))].join('\n');
}

/** What is sent: who stays, at which versions, and what is not the survivor's own. */
export function formOf(pair: PairView, choices: Choices): MergeForm {
  const survivor = pair[choices.survivor];
  const replaced = choices.survivor === 'one' ? pair.other : pair.one;
  const taken = pair.fields.flatMap((field): TakenField[] => {
    const source = choices.sources[field.element];
    return source === undefined || source === choices.survivor
      ? []
      : [{ element: field.element, beside: source === 'both' }];
  });
  return {
    survivor: survivor.patient.id,
    survivorVersion: survivor.version,
    replaced: replaced.patient.id,
    replacedVersion: replaced.version,
    taken,
  };
}
