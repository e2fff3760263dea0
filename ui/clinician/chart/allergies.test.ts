import { expect, it } from 'vitest';
import type { ClinicalItem } from '../../shared/bindings.ts';
import { warns } from './allergies.ts';

const ITEM: ClinicalItem = {
  reference: 'AllergyIntolerance/1',
  text: 'Penicillin',
  code: 'SNOMED 91936005',
  detail: null,
  active: true,
  status: 'active',
  since: null,
  by: null,
  standing: 'confirmed',
};

it('warns of an active allergy, and neither of a past one nor of none', () => {
  expect(warns(ITEM)).toBe(true);
  expect(warns({ ...ITEM, active: false })).toBe(false);
  expect(warns({ ...ITEM, text: 'No known allergy', code: 'SNOMED 716186003' })).toBe(false);
  expect(warns({ ...ITEM, code: null })).toBe(true);
});
