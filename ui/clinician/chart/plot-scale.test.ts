import { describe, expect, it } from 'vitest';
import type { Series } from '../../shared/bindings.ts';
import { band, latest, plotData, timeRange, unitOf, valueRange, written } from './plot-scale.ts';

function series(values: number[], low: number | null, high: number | null): Series {
  return {
    code: '4548-4',
    name: 'Haemoglobin A1c',
    unit: '%',
    low,
    high,
    points: values.map((value, index) => ({
      reference: `Observation/${index}`,
      at: `2024-0${index + 1}-01T09:00:00-05:00`,
      value,
      mark: null,
      standing: 'confirmed',
    })),
  };
}

describe('the ranges of a plot', () => {
  it('hold the values and the reference band, with air', () => {
    const [low, high] = valueRange([series([6, 9], 4, 5.6)]);
    expect(low).toBeLessThan(4);
    expect(high).toBeGreaterThan(9);
  });

  it('do not blow a flat line up to the height of the plot', () => {
    const [low, high] = valueRange([series([100, 100], null, null)]);
    expect(high - low).toBeGreaterThan(2);
  });

  it('give a single value a month around it, and nothing at all a range', () => {
    const [first, last] = timeRange([plotData(series([7], null, null))]);
    expect(last - first).toBe(30 * 86_400);
    expect(timeRange([])).toEqual([0, 1]);
    expect(valueRange([])).toEqual([0, 1]);
  });

  it('leave out what has no readable time', () => {
    const one = series([7, 8], null, null);
    const first = one.points[0];
    if (first) {
      first.at = 'soon';
    }
    expect(plotData(one).values).toEqual([8]);
  });
});

describe('values in words', () => {
  it('have no more digits than were measured', () => {
    expect(written(7.2)).toBe('7.2');
    expect(written(0.1 + 0.2)).toBe('0.3');
    expect(latest(series([6, 7.25], null, null))).toBe('7.25 %');
  });

  it('have units as people write them', () => {
    expect(unitOf({ ...series([], null, null), unit: 'mm[Hg]' })).toBe('mmHg');
    expect(unitOf({ ...series([], null, null), unit: 'mg/dL' })).toBe('mg/dL');
  });

  it('say the reference range from either side', () => {
    expect(band(series([], 4, 5.6))).toBe('4–5.6');
    expect(band(series([], null, 200))).toBe('< 200');
    expect(band(series([], 40, null))).toBe('> 40');
    expect(band(series([], null, null))).toBe('');
  });
});
