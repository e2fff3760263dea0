// Booking beside the calendar or the chart: whom, with whom, when; next free times at hand; a
// clash is named before anything is sent.
import { Button, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import type { AppointmentView, ChartView, ScheduleView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle } from '../../shared/components/icons.ts';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { addDays } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { isDate } from '../patients/form.ts';
import { PatientPicker, type Picked } from '../patients/PatientPicker.tsx';
import { announce } from './announce.ts';
import css from './BookingPanel.module.css';
import { useSchedule } from './read.ts';
import { clashes, isTime, nextFree, withinHours } from './slots.ts';
import { type When, WhenFields } from './WhenFields.tsx';

/** Days that are looked through for a free time. */
const AHEAD = 14;
const DRAFT = 'booking';

interface Draft {
  readonly picked: Picked | null;
  readonly when: When;
  readonly reason: string;
}

/** Names every clash, or says that the time lies outside working hours. */
export function TimeCheck({
  found,
  outside,
}: {
  found: readonly AppointmentView[];
  outside: boolean;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  if (found.length > 0) {
    return (
      <div className={css.clash} role="alert" data-testid="booking-clash">
        <IconAlertTriangle size={16} aria-hidden />
        <div>
          <b>{t('schedule.booking.clashTitle')}</b>
          {found.map((a) => (
            <p key={a.id}>
              {t('schedule.booking.clash', {
                practitioner: a.practitionerName,
                patient: a.patientName,
                start: time.time(a.start),
                end: time.time(a.end),
              })}
            </p>
          ))}
        </div>
      </div>
    );
  }
  return outside ? <p className="dim">{t('schedule.booking.outside')}</p> : null;
}

function NextFree({
  view,
  when,
  now,
  onPick,
}: {
  view: ScheduleView;
  when: When;
  now: Date;
  onPick: (when: When) => void;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const from = isDate(when.date)
    ? Math.max(now.getTime(), Date.parse(time.instant(`${when.date}T00:00:00`)))
    : now.getTime();
  const who = when.practitioner ? [when.practitioner] : view.practitioners.map((p) => p.id);
  const free = nextFree(view.hours, view.appointments, who, from, when.minutes, 4);
  return (
    <div>
      <h3>{t('schedule.booking.nextFree')}</h3>
      {free.length === 0 ? (
        <p className="dim">{t('schedule.booking.noneFree')}</p>
      ) : (
        <div className={css.free}>
          {free.map((slot) => {
            const at = new Date(slot.start);
            const wall = time.wall(at);
            return (
              <Button
                key={`${slot.practitioner} ${slot.start}`}
                size="xs"
                variant="default"
                onClick={() =>
                  onPick({
                    ...when,
                    practitioner: slot.practitioner,
                    date: wall.slice(0, 10),
                    time: wall.slice(11, 16),
                  })
                }
                data-testid="booking-free"
              >
                <span className="num">
                  {time.day(at)}, {time.time(at)}
                </span>
              </Button>
            );
          })}
        </div>
      )}
    </div>
  );
}

/** The form for a new booking. */
export function BookingPanel({
  patient,
  practitioner,
  start,
  minutes,
}: {
  patient?: string | undefined;
  practitioner?: string | undefined;
  /** Wall-clock time, or a date and `T` alone. */
  start?: string | undefined;
  minutes?: number | undefined;
}) {
  const { t } = useWords();
  const { time, user } = useClinic();
  const { close, drafts, onLeave } = useWorkspace();
  const now = useNow();
  const today = time.dayOf(now);
  const client = useQueryClient();
  const [draft, setDraft] = useState<Draft>(() => {
    const kept = drafts.get(DRAFT) as Draft | undefined;
    // Opened from a chart, the patient is the one that is shown there; nothing is read anew.
    const shown = patient ? client.getQueryData<ChartView>(['chart', patient])?.patient : undefined;
    return {
      picked: shown ?? (patient && kept?.picked?.id !== patient ? null : (kept?.picked ?? null)),
      reason: kept?.reason ?? '',
      when: {
        practitioner: practitioner ?? kept?.when.practitioner ?? user.practitioner ?? '',
        date: start?.slice(0, 10) ?? kept?.when.date ?? today,
        time: start ? start.slice(11, 16) : (kept?.when.time ?? ''),
        minutes: minutes ?? kept?.when.minutes ?? 30,
      },
    };
  });
  const { picked, when, reason } = draft;
  const change = (part: Partial<Draft>) => setDraft((was) => ({ ...was, ...part }));
  const [tried, setTried] = useState(false);
  const date = isDate(when.date) ? when.date : today;
  const base = date >= today && date < addDays(today, AHEAD) ? today : date;
  const schedule = useSchedule(base, AHEAD, true);
  const view = schedule.data;

  useEffect(() => {
    drafts.set(DRAFT, draft);
  }, [drafts, draft]);
  useEffect(() => onLeave(null), [onLeave]);
  const complete = isDate(when.date) && isTime(when.time) && when.practitioner !== '';
  const at = complete ? time.instant(`${when.date}T${when.time}:00`) : null;
  const found = useMemo(
    () =>
      at && view ? clashes(view.appointments, when.practitioner, Date.parse(at), when.minutes) : [],
    [at, view, when.practitioner, when.minutes],
  );
  const outside =
    at !== null &&
    view !== undefined &&
    !withinHours(view.hours, when.practitioner, Date.parse(at), when.minutes);
  const wrong = tried
    ? {
        ...(when.practitioner === ''
          ? { practitioner: t('schedule.booking.practitionerMissing') }
          : {}),
        ...(isDate(when.date) ? {} : { date: t('schedule.booking.dateWrong') }),
        ...(isTime(when.time) ? {} : { time: t('schedule.booking.timeWrong') }),
      }
    : {};
  const book = useAction(async (who: Picked, instant: string) => {
    const saved = await ipc.book({
      patient: who.id,
      practitioner: when.practitioner,
      start: instant,
      minutes: when.minutes,
      reason: reason.trim(),
    });
    drafts.delete(DRAFT);
    const said = `${time.day(instant)}, ${time.time(instant)}`;
    announce(client, saved, {
      requested: t('schedule.booking.requested', { time: said }),
      confirmed: t('schedule.booking.booked', { time: said }),
    });
    close();
    drafts.delete(DRAFT);
  });
  return (
    <Panel
      title={t('schedule.booking.title')}
      testId="booking"
      foot={
        <>
          <Button
            type="submit"
            form="booking"
            loading={book.running}
            disabled={found.length > 0}
            data-testid="booking-submit"
          >
            {t('schedule.booking.submit')}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            onClick={() => {
              close();
              drafts.delete(DRAFT);
            }}
          >
            {t('common.discard')}
          </Button>
        </>
      }
    >
      <form
        id="booking"
        className={css.form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (picked && at && found.length === 0) {
            void book.run(picked, at);
          }
        }}
      >
        <PatientPicker
          label={t('schedule.booking.patient')}
          value={picked}
          onChange={(next) => change({ picked: next })}
          error={tried && !picked ? t('schedule.booking.patientMissing') : null}
        />
        <WhenFields
          value={when}
          onChange={(next) => change({ when: next })}
          practitioners={view?.practitioners ?? []}
          wrong={wrong}
        />
        <TimeCheck found={found} outside={outside} />
        <TextInput
          label={t('schedule.booking.reason')}
          placeholder={t('schedule.booking.reasonHint')}
          value={reason}
          onChange={(event) => change({ reason: event.currentTarget.value })}
          autoComplete="off"
          data-testid="booking-reason"
        />
        {view ? (
          <NextFree view={view} when={when} now={now} onPick={(next) => change({ when: next })} />
        ) : schedule.error ? (
          <FaultNote fault={faultOf(schedule.error)} again={() => schedule.refetch()} compact />
        ) : (
          <SkeletonRows rows={2} columns={[3, 3]} />
        )}
        {book.fault && <FaultNote fault={book.fault} compact />}
      </form>
    </Panel>
  );
}
