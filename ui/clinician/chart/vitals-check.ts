// What can be believed of a set of vital signs. Bounds are those of a living person or of the
// instrument, wide enough for every age; beyond them it is a slip of the hand.
import type { VitalsForm } from '../../shared/bindings.ts';

/** A field of the form. */
export type VitalsField = Exclude<keyof VitalsForm, 'patient'>;

interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly unit: string;
}

/** Fields in the order of the form, with what can be measured. */
export const VITALS: Readonly<Record<VitalsField, Bounds>> = {
  systolic: { low: 40, high: 300, unit: 'mmHg' },
  diastolic: { low: 20, high: 200, unit: 'mmHg' },
  heartRate: { low: 20, high: 300, unit: '/min' },
  respiratoryRate: { low: 4, high: 90, unit: '/min' },
  temperature: { low: 25, high: 45, unit: '°C' },
  oxygenSaturation: { low: 40, high: 100, unit: '%' },
  weight: { low: 0.3, high: 400, unit: 'kg' },
  height: { low: 20, high: 260, unit: 'cm' },
};

/** What was typed, by field. */
export type VitalsTyped = Readonly<Record<VitalsField, string>>;

/** Why a field or the form cannot be saved. */
export type VitalsFault = 'between' | 'both' | 'order' | 'empty';

/** A number as people type it: a comma is a point; nothing is nothing. */
export function numberOf(text: string): number | null {
  const trimmed = text.trim().replace(',', '.');
  return trimmed === '' ? null : Number(trimmed);
}

/** The form, or what is wrong with it by field (`empty` stands under the first one). */
export function checkVitals(
  patient: string,
  typed: VitalsTyped,
): { form: VitalsForm } | { faults: Partial<Record<VitalsField, VitalsFault>> } {
  const form: VitalsForm = {
    patient,
    systolic: null,
    diastolic: null,
    heartRate: null,
    respiratoryRate: null,
    temperature: null,
    oxygenSaturation: null,
    weight: null,
    height: null,
  };
  const faults: Partial<Record<VitalsField, VitalsFault>> = {};
  let any = false;
  for (const field of Object.keys(VITALS) as VitalsField[]) {
    const value = numberOf(typed[field]);
    if (value === null) {
      continue;
    }
    any = true;
    const { low, high } = VITALS[field];
    if (!Number.isFinite(value) || value < low || value > high) {
      faults[field] = 'between';
    } else {
      form[field] = value;
    }
  }
  if (!any) {
    faults.systolic = 'empty';
  }
  const { systolic, diastolic } = typed;
  if ((systolic.trim() === '') !== (diastolic.trim() === '')) {
    const missing = systolic.trim() === '' ? 'systolic' : 'diastolic';
    faults[missing] ??= 'both';
  } else if (form.systolic !== null && form.diastolic !== null && form.systolic <= form.diastolic) {
    faults.systolic = 'order';
  }
  return Object.keys(faults).length > 0 ? { faults } : { form };
}

/** Body mass index, where both measures are there. */
export function bodyMassIndex(typed: VitalsTyped): number | null {
  const weight = numberOf(typed.weight);
  const height = numberOf(typed.height);
  if (!weight || !height || !Number.isFinite(weight / height)) {
    return null;
  }
  return Math.round((weight / (height / 100) ** 2) * 10) / 10;
}
