// EventCalendar in React. The calendar thinks in wall-clock times; it is given the clinic's, and
// what comes back is turned into instants here, by differences rather than by dates, so that the
// computer's own time zone never matters.
import {
  createCalendar,
  destroyCalendar,
  type Calendar as EventCalendar,
  Interaction,
  ResourceTimeGrid,
} from '@event-calendar/core';
import '@event-calendar/core/index.css';
import { useEffect, useRef } from 'react';
import type { AppointmentView, PractitionerView, WorkingHours } from '../../shared/bindings.ts';
import type { ClinicTime } from '../../shared/time.ts';
import { minutesBetween } from '../../shared/time.ts';
import { type Described, drawEvent } from './draw-event.ts';
import { dayLimits } from './slots.ts';
import './calendar.css';

/** Where an appointment was dropped. */
export interface Drop {
  readonly id: string;
  readonly start: string;
  readonly minutes: number;
  readonly practitioner: string;
  readonly revert: () => void;
}

/** An empty stretch that was marked. */
export interface Stretch {
  /** Wall-clock time. */
  readonly start: string;
  readonly minutes: number | undefined;
  readonly practitioner: string | undefined;
}

interface Props {
  readonly label: string;
  readonly mode: 'day' | 'week';
  readonly from: string;
  readonly time: ClinicTime;
  readonly now: Date;
  readonly practitioners: readonly PractitionerView[];
  readonly appointments: readonly AppointmentView[];
  readonly hours: readonly WorkingHours[];
  readonly weekend: boolean;
  readonly editable: boolean;
  readonly chosen: string | null;
  readonly describe: (appointment: AppointmentView) => Described;
  readonly onOpen: (appointment: AppointmentView) => void;
  readonly onDrop: (drop: Drop) => void;
  readonly onStretch: (stretch: Stretch) => void;
}

const SLOT_MINUTES = 30;
const SMALLEST_SLOT = 30;
const SNAP = '00:05';

function offsetOf(time: ClinicTime, now: Date): string {
  return time.instant(time.wall(now)).slice(-6);
}

function eventsOf(props: Props): EventCalendar.EventInput[] {
  const { time, appointments, hours, editable, describe, chosen } = props;
  const shown: EventCalendar.EventInput[] = hours.map((stretch, n) => ({
    id: `hours-${n}`,
    start: time.wall(stretch.start),
    end: time.wall(stretch.end),
    resourceIds: [stretch.practitioner],
    display: 'background',
  }));
  for (const appointment of appointments) {
    const movable = editable && appointment.progress === 'booked';
    shown.push({
      id: appointment.id,
      start: time.wall(appointment.start),
      end: time.wall(appointment.end),
      resourceIds: [appointment.practitioner ?? ''],
      startEditable: movable,
      durationEditable: movable,
      classNames: [
        `r-${appointment.progress}`,
        `r-stands-${appointment.standing}`,
        ...(appointment.id === chosen ? ['r-chosen'] : []),
      ],
      extendedProps: { appointment, described: describe(appointment) },
    });
  }
  return shown;
}

/** A week of everybody is wider than the window: its columns keep a width and scroll. */
function columnOf(mode: 'day' | 'week', practitioners: number): EventCalendar.Options {
  const width = mode === 'week' && practitioners > 1 ? '104px' : undefined;
  return { columnWidth: width } as EventCalendar.Options;
}

/**
 * The calendar calls itself a table, yet puts its appointments beside the cells: to a screen
 * reader it is better as what it is, a group of buttons that say when, who and with whom.
 */
function plain(root: HTMLElement): void {
  const wrong =
    '[role="table"], [role="rowgroup"], [role="row"], [role="cell"], [role="columnheader"], [aria-colindex], [aria-colspan]';
  for (const element of root.querySelectorAll(wrong)) {
    element.removeAttribute('role');
    for (const name of ['aria-colindex', 'aria-colspan', 'aria-label']) {
      element.removeAttribute(name);
    }
  }
}

function optionsOf(props: Props, height: number): EventCalendar.Options {
  const { time, now, mode, from, practitioners, appointments, hours, weekend, editable } = props;
  const walls = [...hours, ...appointments].map(({ start, end }) => ({
    start: time.wall(start),
    end: time.wall(end),
  }));
  const { min, max } = dayLimits(walls);
  const slots = ((max - min) * 60) / SLOT_MINUTES;
  return {
    view: mode === 'day' ? 'resourceTimeGridDay' : 'resourceTimeGridWeek',
    date: from,
    firstDay: 1,
    hiddenDays: weekend ? [] : [0, 6],
    headerToolbar: { start: '', center: '', end: '' },
    allDaySlot: false,
    datesAboveResources: mode === 'week',
    ...columnOf(mode, practitioners.length),
    height: '100%',
    slotDuration: `00:${SLOT_MINUTES}`,
    slotLabelInterval: '01:00',
    slotHeight: Math.max(SMALLEST_SLOT, Math.floor(height / slots)),
    snapDuration: SNAP,
    slotMinTime: `${String(min).padStart(2, '0')}:00`,
    slotMaxTime: `${String(max).padStart(2, '0')}:00`,
    slotLabelFormat: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    dayHeaderFormat: { weekday: 'short', day: 'numeric', month: 'short' },
    locale: time.locale,
    timeZone: offsetOf(time, now),
    scrollTime: '08:00',
    nowIndicator: true,
    selectable: editable,
    selectMinDistance: 6,
    eventStartEditable: editable,
    eventDurationEditable: editable,
    eventDragMinDistance: 4,
    dragScroll: true,
    slotEventOverlap: false,
    resources: practitioners.map((p) => ({
      id: p.id,
      title: p.name,
      extendedProps: { speciality: p.speciality },
    })),
    resourceLabelContent: ({ resource }) => {
      const name = document.createElement('bdi');
      name.textContent = String(resource.title);
      const speciality = document.createElement('small');
      speciality.textContent = String(resource.extendedProps.speciality ?? '');
      return { domNodes: mode === 'day' ? [name, speciality] : [name] };
    },
    eventContent: ({ event }) => {
      const described = event.extendedProps.described as Described | undefined;
      return described ? { domNodes: drawEvent(described) } : '';
    },
    events: eventsOf(props),
  };
}

/** The calendar: practitioners as columns, a day or a week. */
export function Calendar(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const calendar = useRef<EventCalendar | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const target = box.current;
    if (!target) {
      return;
    }
    const appointmentOf = (event: EventCalendar.Event) =>
      event.extendedProps.appointment as AppointmentView | undefined;
    const dropped = (
      event: EventCalendar.Event,
      startDelta: EventCalendar.Duration | null,
      endDelta: EventCalendar.Duration | null,
      practitioner: string | undefined,
      revert: () => void,
    ) => {
      const was = appointmentOf(event);
      if (!was) {
        return;
      }
      const { time, onDrop } = latest.current;
      // Differences are of wall-clock time: a move by a day keeps its hour over a change of clocks.
      const wall = new Date(`${time.wall(was.start)}Z`);
      if (startDelta) {
        wall.setUTCDate(wall.getUTCDate() + startDelta.days);
        wall.setUTCSeconds(wall.getUTCSeconds() + startDelta.seconds);
      }
      const longer = endDelta ? endDelta.days * 1440 + endDelta.seconds / 60 : 0;
      onDrop({
        id: was.id,
        start: time.instant(wall.toISOString().slice(0, 19)),
        minutes: minutesBetween(was.start, was.end) + longer,
        practitioner: practitioner ?? was.practitioner ?? '',
        revert,
      });
    };
    const made = createCalendar(target, [ResourceTimeGrid, Interaction], {
      ...optionsOf(latest.current, target.clientHeight - 60),
      eventClick: ({ event }) => {
        const appointment = appointmentOf(event);
        if (appointment) {
          latest.current.onOpen(appointment);
        }
      },
      eventDrop: ({ event, delta, newResource, revert }) =>
        dropped(event, delta, null, newResource?.id, revert),
      eventResize: ({ event, endDelta, revert }) =>
        dropped(event, null, endDelta, undefined, revert),
      dateClick: ({ dateStr, resource }) => {
        if (latest.current.editable) {
          latest.current.onStretch({
            start: dateStr.slice(0, 16),
            minutes: undefined,
            practitioner: resource?.id,
          });
        }
      },
      select: ({ startStr, endStr, resource }) => {
        latest.current.onStretch({
          start: startStr.slice(0, 16),
          minutes:
            (Date.parse(`${endStr.slice(0, 19)}Z`) - Date.parse(`${startStr.slice(0, 19)}Z`)) /
            60_000,
          practitioner: resource?.id,
        });
        made.unselect();
      },
    });
    calendar.current = made;
    const sized = new ResizeObserver(() => {
      made.setOption(
        'slotHeight',
        optionsOf(latest.current, target.clientHeight - 60).slotHeight as number,
      );
    });
    sized.observe(target);
    plain(target);
    const changed = new MutationObserver(() => plain(target));
    changed.observe(target, { childList: true, subtree: true });
    return () => {
      changed.disconnect();
      sized.disconnect();
      calendar.current = null;
      void destroyCalendar(made);
    };
  }, []);

  useEffect(() => {
    const target = box.current;
    if (calendar.current && target) {
      const options = optionsOf(props, target.clientHeight - 60);
      for (const [name, value] of Object.entries(options)) {
        calendar.current.setOption(name as keyof EventCalendar.Options, value as never);
      }
    }
  }, [props]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of appointments, not fields of a form
    <div
      ref={box}
      className="r-calendar"
      role="group"
      aria-label={props.label}
      data-mode={props.mode}
      data-testid="calendar"
    />
  );
}
