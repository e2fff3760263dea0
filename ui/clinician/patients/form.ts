// What a patient form checks before the program does.
import type { PatientForm } from '../../shared/bindings.ts';

/** A form for somebody new. */
export const NOBODY: PatientForm = {
  id: null,
  version: null,
  given: '',
  family: '',
  birthDate: '',
  sex: '',
  mrn: '',
  ssn: '',
  phone: '',
  email: '',
  street: '',
  city: '',
  state: '',
  postalCode: '',
};

/** Whether it is a calendar date, `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    return false;
  }
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/**
 * A birth date as people type it: `1961-04-02`, `1961 4 2`, `19610402`. Day and month are never
 * guessed from an order that differs by country.
 */
export function tidyDate(text: string): string {
  const plain = text.trim();
  const parts =
    /^(\d{4})[-./\s](\d{1,2})[-./\s](\d{1,2})$/.exec(plain) ??
    /^(\d{4})(\d{2})(\d{2})$/.exec(plain);
  return parts ? `${parts[1]}-${parts[2]?.padStart(2, '0')}-${parts[3]?.padStart(2, '0')}` : plain;
}

/** Whether the form holds a whole or partial record of a date that FHIR allows and people keep. */
export function isPartialDate(text: string): boolean {
  return /^\d{4}(-(0[1-9]|1[0-2]))?$/.test(text);
}
