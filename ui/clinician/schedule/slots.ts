// Time in the schedule: who is free when, what clashes with what. Instants are epoch
// milliseconds, so that offsets and summer time play no part.
import type { AppointmentView, WorkingHours } from '../../shared/bindings.ts';

const MINUTE = 60_000;

/** Whether an appointment still holds its time. */
export function holdsTime(appointment: AppointmentView): boolean {
  return appointment.progress !== 'cancelled' && appointment.progress !== 'no-show';
}

/** Every appointment of the practitioner that overlaps the stretch, but for one of them. */
export function clashes(
  appointments: readonly AppointmentView[],
  practitioner: string,
  start: number,
  minutes: number,
  except?: string,
): readonly AppointmentView[] {
  const end = start + minutes * MINUTE;
  return appointments.filter(
    (a) =>
      a.id !== except &&
      a.practitioner === practitioner &&
      holdsTime(a) &&
      Date.parse(a.start) < end &&
      Date.parse(a.end) > start,
  );
}

/** Whether the whole stretch lies in working hours. Hours that touch count as one. */
export function withinHours(
  hours: readonly WorkingHours[],
  practitioner: string,
  start: number,
  minutes: number,
): boolean {
  const end = start + minutes * MINUTE;
  let reached = start;
  const mine = hours
    .filter((h) => h.practitioner === practitioner)
    .map((h) => [Date.parse(h.start), Date.parse(h.end)] as const)
    .sort((a, b) => a[0] - b[0]);
  for (const [from, to] of mine) {
    if (from <= reached && to > reached) {
      reached = to;
    }
  }
  return reached >= end;
}

/** A stretch that can be booked. */
export interface Free {
  readonly practitioner: string;
  readonly start: number;
}

/** The first stretches of the length that nobody holds, by time, from a moment on. */
export function nextFree(
  hours: readonly WorkingHours[],
  appointments: readonly AppointmentView[],
  practitioners: readonly string[],
  from: number,
  minutes: number,
  most: number,
): readonly Free[] {
  const step = 5 * MINUTE;
  const earliest = Math.ceil(from / step) * step;
  const found: Free[] = [];
  for (const practitioner of practitioners) {
    const taken = appointments
      .filter((a) => a.practitioner === practitioner && holdsTime(a))
      .map((a) => [Date.parse(a.start), Date.parse(a.end)] as const)
      .sort((a, b) => a[0] - b[0]);
    const mine: Free[] = [];
    const open = hours
      .filter((h) => h.practitioner === practitioner)
      .sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
    for (const stretch of open) {
      let at = Math.max(Date.parse(stretch.start), earliest);
      const end = Date.parse(stretch.end);
      while (at + minutes * MINUTE <= end && mine.length < most) {
        const start = at;
        const clash = taken.find(([a, b]) => a < start + minutes * MINUTE && b > start);
        if (clash) {
          at = Math.max(clash[1], at + step);
        } else {
          mine.push({ practitioner, start: at });
          at += minutes * MINUTE;
        }
      }
    }
    found.push(...mine);
  }
  return found.sort((a, b) => a.start - b.start).slice(0, most);
}

/** A time as people type it: `9`, `9:5`, `0930`, `14.30`. What is no time comes back as it was. */
export function tidyTime(text: string): string {
  const parts =
    /^(\d{1,2})(?:[:.h](\d{1,2}))?$/.exec(text.trim()) ?? /^(\d{2})(\d{2})$/.exec(text.trim());
  const hour = Number(parts?.[1]);
  const minute = Number(parts?.[2] ?? 0);
  if (!parts || hour > 23 || minute > 59) {
    return text.trim();
  }
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

/** Whether it is a time, `HH:MM`. */
export function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

/** First and last hour to draw: the working day and whatever lies outside it. */
export function dayLimits(walls: readonly { start: string; end: string }[]): {
  min: number;
  max: number;
} {
  let min = 8;
  let max = 17;
  for (const { start, end } of walls) {
    min = Math.min(min, Number(start.slice(11, 13)));
    const sameDay = start.slice(0, 10) === end.slice(0, 10);
    const hour = Number(end.slice(11, 13)) + (end.slice(14, 16) === '00' ? 0 : 1);
    max = Math.max(max, sameDay ? hour : 24);
  }
  return { min, max };
}
