// Encounters and the other dated records of a chart in one list, newest first, by year.
import type { ChartView, Standing } from '../../shared/bindings.ts';

/** A line of the timeline. */
export interface TimelineLine {
  readonly reference: string;
  readonly kind: string;
  readonly when: string | null;
  readonly text: string;
  readonly detail: string;
  readonly status: string;
  readonly standing: Standing;
}

/** A heading or a line; one flat list, because the list is virtual. */
export type TimelineItem =
  | { readonly year: string }
  | { readonly year?: undefined; readonly line: TimelineLine };

function epoch(when: string | null): number {
  const at = when === null ? Number.NaN : Date.parse(when);
  return Number.isFinite(at) ? at : Number.NEGATIVE_INFINITY;
}

/** All lines with a heading before each year; what has no date stands at the end. */
export function timelineItems(chart: ChartView, undated: string): TimelineItem[] {
  const lines: TimelineLine[] = [
    ...chart.encounters.map((line) => ({
      reference: line.reference,
      kind: 'Encounter',
      when: line.start,
      text: line.text,
      detail: [line.reason, line.practitioner, line.place]
        .filter((part) => part !== null && part !== '')
        .join(' · '),
      status: line.status,
      standing: line.standing,
    })),
    ...chart.others.map((line) => ({
      reference: line.reference,
      kind: line.kind,
      when: line.when,
      text: line.text,
      detail: '',
      status: line.status ?? '',
      standing: line.standing,
    })),
  ];
  lines.sort((a, b) => {
    const [x, y] = [epoch(a.when), epoch(b.when)];
    return x === y ? a.reference.localeCompare(b.reference) : y > x ? 1 : -1;
  });
  const items: TimelineItem[] = [];
  let year = '';
  for (const line of lines) {
    const own =
      epoch(line.when) === Number.NEGATIVE_INFINITY ? undated : (line.when ?? '').slice(0, 4);
    if (own !== year) {
      year = own;
      items.push({ year });
    }
    items.push({ line });
  }
  return items;
}
