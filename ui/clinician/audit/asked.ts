// What somebody asks of the audit, and how the program is asked for it.
import type { ReportForm, ReportSort } from '../../shared/bindings.ts';
import { addDays, type ClinicTime } from '../../shared/time.ts';
import { isDate } from '../patients/form.ts';

/** Somebody or something to filter by: its id, and its name where a row has told it. */
export interface Seen {
  readonly id: string;
  readonly name: string | null;
}

/** The periods that are offered. */
export const PERIODS = ['day', 'week', 'month', 'six', 'own'] as const;

/** What is asked. */
export interface AuditAsked {
  readonly period: (typeof PERIODS)[number];
  /** The clinic's days, included, for a period of one's own; may be empty. */
  readonly from: string;
  readonly until: string;
  readonly user: Seen | null;
  readonly patient: Seen | null;
  readonly action: string | null;
  readonly success: boolean | null;
  readonly sort: ReportSort;
  readonly ascending: boolean;
}

/** The last seven days, newest first. */
export const START: AuditAsked = {
  period: 'week',
  from: '',
  until: '',
  user: null,
  patient: null,
  action: null,
  success: null,
  sort: 'recorded',
  ascending: false,
};

function firstDay(period: AuditAsked['period'], today: string): string {
  switch (period) {
    case 'day':
      return today;
    case 'week':
      return addDays(today, -6);
    case 'month':
      return addDays(today, -29);
    default:
      return `${Number(today.slice(0, 4)) - 6}${today.slice(4).replace('02-29', '02-28')}`;
  }
}

/** What is wrong with the two days, if something is. */
export function wrongDay(asked: AuditAsked): 'from' | 'until' | 'order' | null {
  if (asked.period !== 'own') {
    return null;
  }
  if (asked.from !== '' && !isDate(asked.from)) {
    return 'from';
  }
  if (asked.until !== '' && !isDate(asked.until)) {
    return 'until';
  }
  return asked.until !== '' && asked.until < asked.from ? 'order' : null;
}

/** The question as the program takes it, by the clinic's days; none while a day is half typed. */
export function formOf(asked: AuditAsked, today: string, time: ClinicTime): ReportForm | null {
  if (wrongDay(asked) !== null) {
    return null;
  }
  const own = asked.period === 'own';
  const from = own ? asked.from : firstDay(asked.period, today);
  const until = own ? asked.until : '';
  return {
    patient: asked.patient?.id ?? null,
    user: asked.user?.id ?? null,
    from: from === '' ? null : time.instant(`${from}T00:00:00`),
    until: until === '' ? null : time.instant(`${addDays(until, 1)}T00:00:00`),
    action: asked.action,
    success: asked.success,
    sort: asked.sort,
    ascending: asked.ascending,
    cursor: null,
  };
}

/** Sorting by a heading: time begins with the newest, words with A; again turns it round. */
export function sortedBy(asked: AuditAsked, by: ReportSort): AuditAsked {
  return asked.sort === by
    ? { ...asked, ascending: !asked.ascending }
    : { ...asked, sort: by, ascending: by !== 'recorded' };
}
