// What a plot of one series needs, worked out without drawing: its ranges, its reference band,
// and which point is nearest. Pure, so that it can be tested without a canvas.
import type { Series } from '../../shared/bindings.ts';

/** A series as uPlot wants it: seconds and values, oldest first. */
export interface PlotData {
  readonly times: number[];
  readonly values: number[];
}

/** Seconds since 1970 and values; what has no readable time is left to the table. */
export function plotData(series: Series): PlotData {
  const times: number[] = [];
  const values: number[] = [];
  for (const point of series.points) {
    const at = Date.parse(point.at);
    if (Number.isFinite(at) && point.value !== null && Number.isFinite(point.value)) {
      times.push(at / 1000);
      values.push(point.value);
    }
  }
  return { times, values };
}

/**
 * The range of the value axis: the values and the reference band with a tenth of air, so that
 * a value that leaves the band is seen to leave it and a flat line is not drawn as an alarm.
 */
export function valueRange(series: readonly Series[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const one of series) {
    for (const value of [one.low, one.high, ...one.points.map((point) => point.value)]) {
      if (value !== null && Number.isFinite(value)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  if (low > high) {
    return [0, 1];
  }
  const air = Math.max((high - low) / 10, Math.abs(high) / 50, 0.1);
  return [low - air, high + air];
}

/** The range of the time axis; a single value stands in the middle of a month. */
export function timeRange(data: readonly PlotData[]): [number, number] {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { times } of data) {
    for (const time of times) {
      first = Math.min(first, time);
      last = Math.max(last, time);
    }
  }
  if (first > last) {
    return [0, 1];
  }
  const air = Math.max((last - first) / 40, 15 * 86_400);
  return [first - air, last + air];
}

/** The newest value in words, `7.2 %`. */
export function latest(series: Series): string {
  const point = series.points[series.points.length - 1];
  return point ? `${written(point.value)} ${unitOf(series)}`.trim() : '';
}

/** A number as a clinician writes it: no more digits than were measured. */
export function written(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(6)));
}

/** The reference range in words, `4–5.6`, `< 200`, `> 40`. */
export function band(series: Series): string {
  if (series.low !== null && series.high !== null) {
    return `${written(series.low)}–${written(series.high)}`;
  }
  if (series.high !== null) {
    return `< ${written(series.high)}`;
  }
  if (series.low !== null) {
    return `> ${written(series.low)}`;
  }
  return '';
}

/** UCUM codes that people write otherwise. */
const UNITS: Readonly<Record<string, string>> = {
  'mm[Hg]': 'mmHg',
  Cel: '°C',
  '{score}': '',
  'mL/min/{1.73_m2}': 'mL/min/1.73 m²',
  'mL/min/1.73m2': 'mL/min/1.73 m²',
  'kg/m2': 'kg/m²',
};

/** A unit as a clinician writes it. */
export function unitOf(series: Series): string {
  return UNITS[series.unit] ?? series.unit;
}
