import { describe, expect, it } from 'vitest';
import { bodyMassIndex, checkVitals, numberOf, type VitalsTyped } from './vitals-check.ts';

const NOTHING: VitalsTyped = {
  systolic: '',
  diastolic: '',
  heartRate: '',
  respiratoryRate: '',
  temperature: '',
  oxygenSaturation: '',
  weight: '',
  height: '',
};

describe('a set of vital signs', () => {
  it('keeps only what was measured', () => {
    const checked = checkVitals('p1', { ...NOTHING, systolic: '128', diastolic: '82' });
    expect(checked).toMatchObject({
      form: { patient: 'p1', systolic: 128, diastolic: 82, heartRate: null },
    });
  });

  it('is not saved empty', () => {
    expect(checkVitals('p1', NOTHING)).toEqual({ faults: { systolic: 'empty' } });
  });

  it('asks for the other pressure, and for their order', () => {
    expect(checkVitals('p1', { ...NOTHING, systolic: '128' })).toEqual({
      faults: { diastolic: 'both' },
    });
    expect(checkVitals('p1', { ...NOTHING, systolic: '80', diastolic: '120' })).toEqual({
      faults: { systolic: 'order' },
    });
  });

  it('refuses a slip of the hand and what is no number', () => {
    for (const temperature of ['370', 'warm', '-1', '1e9']) {
      expect(checkVitals('p1', { ...NOTHING, temperature })).toEqual({
        faults: { temperature: 'between' },
      });
    }
  });

  it('reads a decimal comma', () => {
    expect(numberOf(' 36,8 ')).toBe(36.8);
  });

  it('gives the body mass index when both measures are there', () => {
    expect(bodyMassIndex({ ...NOTHING, weight: '70', height: '175' })).toBe(22.9);
    expect(bodyMassIndex({ ...NOTHING, weight: '70' })).toBeNull();
    expect(bodyMassIndex({ ...NOTHING, weight: '70', height: '0' })).toBeNull();
  });
});
