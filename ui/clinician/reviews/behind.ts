// Which rows of the audit stand behind something to review, and how old it is.
import type { ReportForm, ReviewView } from '../../shared/bindings.ts';

const MINUTE = 60_000;
/** Emergency access lasts two hours; the row that opened it comes a moment before. */
const BEFORE = 2 * MINUTE;
const EMERGENCY = 2 * 60 * MINUTE + BEFORE;
/** What a machine noticed is one event; others of its minute may say why. */
const AROUND = 10 * MINUTE;

function at(instant: string, shift: number): string {
  return new Date(Date.parse(instant) + shift).toISOString();
}

/**
 * The question to the audit: for an emergency all that this user did with this record while it
 * was open; for what a machine noticed the events of its kind at that time.
 */
export function behind(review: ReviewView): ReportForm {
  const emergency = review.kind === 'emergency';
  return {
    patient: emergency ? review.patient : null,
    user: review.user,
    from: at(review.openedAt, emergency ? -BEFORE : -AROUND),
    until: at(review.openedAt, emergency ? EMERGENCY : AROUND),
    action: emergency ? null : review.kind,
    success: null,
    sort: 'recorded',
    ascending: true,
    cursor: null,
  };
}

/** An age in the largest unit that fits: minutes, hours, days. */
export function ageOf(
  instant: string,
  now: Date,
): { readonly unit: 'minutes' | 'hours' | 'days'; readonly count: number } {
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(instant)) / MINUTE));
  if (minutes < 60) {
    return { unit: 'minutes', count: minutes };
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? { unit: 'hours', count: hours }
    : { unit: 'days', count: Math.floor(hours / 24) };
}
