// How many accesses an hour or a day, from the rows that were read. Only what those rows can
// honestly say: a count that more rows would change is not drawn.
import { addDays, type ClinicTime } from '../../shared/time.ts';

const HOUR = 3_600_000;
/** A period this long is counted by the hour. */
const HOURLY = 72 * HOUR;
/** More bars than this say nothing on a small plot. */
const MOST = 400;

/** What was counted. */
export interface Counted {
  readonly step: 'day' | 'hour';
  /** Days `2026-11-23`, or hours `2026-11-23T14`, without a gap. */
  readonly keys: readonly string[];
  readonly counts: readonly number[];
  /** Which part of the rows it stands for, where it is not all. */
  readonly part: 'newest' | 'oldest' | null;
}

interface Read {
  readonly at: string;
}

function keysBetween(from: number, to: number, hourly: boolean, time: ClinicTime): string[] {
  const keys: string[] = [];
  if (hourly) {
    for (let at = from; at <= to; at += HOUR) {
      const key = time.wall(new Date(at)).slice(0, 13);
      if (keys[keys.length - 1] !== key) {
        keys.push(key);
      }
    }
    const last = time.wall(new Date(to)).slice(0, 13);
    if (keys[keys.length - 1] !== last) {
      keys.push(last);
    }
    return keys;
  }
  const last = time.dayOf(new Date(to));
  for (let day = time.dayOf(new Date(from)); day <= last; day = addDays(day, 1)) {
    keys.push(day);
    if (keys.length > MOST) {
      break;
    }
  }
  return keys;
}

/**
 * Counts rows. `period` is what was asked, open ends as none; `order` says how the rows are
 * sorted if by time, and `whole` whether they are all that there are.
 */
export function count(
  rows: readonly Read[],
  order: 'newest-first' | 'oldest-first' | null,
  whole: boolean,
  period: { readonly from: string | null; readonly until: string | null; readonly now: Date },
  time: ClinicTime,
): Counted | null {
  if (rows.length < 2 || (!whole && order === null)) {
    return null;
  }
  const instants = rows.map((row) => Date.parse(row.at)).sort((a, b) => a - b);
  const first = instants[0] as number;
  const last = instants[instants.length - 1] as number;
  const asked = {
    from: period.from === null ? first : Date.parse(period.from),
    to: Math.max(
      last,
      Math.min(
        period.until === null ? Number.POSITIVE_INFINITY : Date.parse(period.until) - 1,
        period.now.getTime(),
      ),
    ),
  };
  let from = whole || order === 'oldest-first' ? asked.from : first;
  const to = whole || order === 'newest-first' ? asked.to : last;
  const hourly = to - from <= HOURLY;
  // A long period with all its accesses at its end: the empty years before them are not drawn.
  if (!hourly && to - from > MOST * 24 * HOUR) {
    from = first;
  }
  const counts = new Map(keysBetween(from, to, hourly, time).map((key) => [key, 0]));
  if (counts.size > MOST) {
    return null;
  }
  for (const at of instants) {
    const key = time.wall(new Date(at)).slice(0, hourly ? 13 : 10);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  let keys = [...counts.keys()];
  if (!whole) {
    // Where the rows break off, more may fall into the same hour or day.
    keys = order === 'newest-first' ? keys.slice(1) : keys.slice(0, -1);
    if (keys.length === 0) {
      return null;
    }
  }
  return {
    step: hourly ? 'hour' : 'day',
    keys,
    counts: keys.map((key) => counts.get(key) ?? 0),
    part: whole ? null : order === 'newest-first' ? 'newest' : 'oldest',
  };
}
