// Times as the clinic reads them: its zone, its locale, 24 hours. The program sends RFC 3339
// with an offset; a calendar needs wall-clock times; both directions are here and nowhere else.

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/;

/** Formats and converts times in one zone. */
export class ClinicTime {
  readonly zone: string;
  readonly locale: string;
  readonly #parts: Intl.DateTimeFormat;
  readonly #formats = new Map<string, Intl.DateTimeFormat>();

  constructor(zone: string, locale: string) {
    this.zone = zone;
    this.locale = locale;
    this.#parts = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  }

  #format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    const key = `${name} ${options.timeZone}`;
    let found = this.#formats.get(key);
    if (!found) {
      found = new Intl.DateTimeFormat(this.locale, options);
      this.#formats.set(key, found);
    }
    return found;
  }

  /** `14:31` */
  time(instant: string | Date): string {
    return this.#format('time', {
      timeZone: this.zone,
      hourCycle: 'h23',
      hour: '2-digit',
      minute: '2-digit',
    }).format(new Date(instant));
  }

  /** `Mon 23 Nov` in the order of the locale. */
  day(value: string | Date): string {
    return this.#format('day', {
      timeZone: this.#zoneFor(value),
      weekday: 'short',
      day: 'numeric',
      month: 'short',
    }).format(this.#date(value));
  }

  /** `Monday, 23 November 2026` in the order of the locale. */
  longDay(value: string | Date): string {
    return this.#format('longDay', {
      timeZone: this.#zoneFor(value),
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    }).format(this.#date(value));
  }

  /** `23 Nov 2026`; a year, or a month of a year, is written as what it is. */
  date(value: string | null | undefined): string {
    if (!value) {
      return '';
    }
    const parts = DATE.exec(value);
    if (parts && !parts[2]) {
      return value;
    }
    if (parts && !parts[3]) {
      return this.#format('month', { timeZone: 'UTC', month: 'short', year: 'numeric' }).format(
        new Date(`${value}-01T00:00:00Z`),
      );
    }
    return this.#format('date', {
      timeZone: this.#zoneFor(value),
      day: '2-digit',
      month: 'short',
      year: 'numeric',
    }).format(this.#date(value));
  }

  /** `23 Nov 2026, 14:31` */
  dateTime(instant: string): string {
    return `${this.date(instant)}, ${this.time(instant)}`;
  }

  /** `14:31` today, else with its day. */
  shortly(instant: string, now: Date): string {
    return this.dayOf(instant) === this.dayOf(now)
      ? this.time(instant)
      : `${this.day(instant)}, ${this.time(instant)}`;
  }

  /** Wall-clock time of an instant, `2026-11-23T14:31:00`. */
  wall(instant: string | Date): string {
    const at: Record<string, string> = {};
    for (const { type, value } of this.#parts.formatToParts(new Date(instant))) {
      at[type] = value;
    }
    return `${at.year}-${at.month}-${at.day}T${at.hour}:${at.minute}:${at.second}`;
  }

  /** The clinic's date of an instant, `2026-11-23`. */
  dayOf(instant: string | Date): string {
    return this.wall(instant).slice(0, 10);
  }

  /**
   * The instant of a wall-clock time, RFC 3339 with the clinic's offset. A time that the clocks
   * skip in spring becomes the one an hour later, as every calendar does.
   */
  instant(wall: string): string {
    const text = wall.slice(0, 19).padEnd(19, ':00');
    const asUtc = Date.parse(`${text}Z`);
    const first = asUtc - this.#offset(asUtc);
    const second = asUtc - this.#offset(first);
    const fits = [first, second].find((epoch) => this.wall(new Date(epoch)) === text);
    const at = new Date(fits ?? Math.max(first, second));
    const real = this.#offset(at.getTime());
    const sign = real < 0 ? '-' : '+';
    const minutes = Math.abs(real) / 60_000;
    const two = (n: number) => String(n).padStart(2, '0');
    return `${this.wall(at)}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  }

  #offset(epoch: number): number {
    return Date.parse(`${this.wall(new Date(epoch))}Z`) - Math.floor(epoch / 1000) * 1000;
  }

  #zoneFor(value: string | Date): string {
    return typeof value === 'string' && DATE.test(value) ? 'UTC' : this.zone;
  }

  #date(value: string | Date): Date {
    return typeof value === 'string' && DATE.test(value)
      ? new Date(`${value}T00:00:00Z`)
      : new Date(value);
  }
}

/** `YYYY-MM-DD` some days later. */
export function addDays(date: string, days: number): string {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

/** Monday of the week of a date. */
export function mondayOf(date: string): string {
  const at = new Date(`${date}T00:00:00Z`);
  return addDays(date, -((at.getUTCDay() + 6) % 7));
}

/** Whole minutes between two instants. */
export function minutesBetween(from: string, to: string | Date): number {
  return Math.round((new Date(to).getTime() - new Date(from).getTime()) / 60_000);
}

/** Whole minutes that somebody has waited. Clocks of two computers differ: never less than none. */
export function minutesSince(since: string, now: Date): number {
  return Math.max(0, minutesBetween(since, now));
}

/**
 * The first wished locale that can be used. A desktop without a language set (`LANG=C`) wishes
 * for `c`, which is none, and asking for it throws.
 */
export function usableLocale(wished: readonly string[]): string {
  for (const tag of wished) {
    try {
      const [found] = Intl.DateTimeFormat.supportedLocalesOf(tag);
      if (found) {
        return found;
      }
    } catch {
      // Not a language tag at all; the next one may be.
    }
  }
  return 'en-US';
}
