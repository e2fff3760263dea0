// Who is where when: practitioners as columns, a day or a week; drag to move, mark to book.
import { ActionIcon, Button, NativeSelect, Popover, SegmentedControl, Switch } from '@mantine/core';
import { DatePicker } from '@mantine/dates';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import type { AppointmentView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import {
  IconCalendarPlus,
  IconChevronLeft,
  IconChevronRight,
} from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { addDays, minutesBetween, mondayOf } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import { PROGRESS_WORD } from '../today/progress.ts';
import { announce } from './announce.ts';
import { Calendar, type Drop, type Stretch } from './Calendar.tsx';
import type { Described } from './draw-event.ts';
import { useSchedule } from './read.ts';
import css from './ScheduleScreen.module.css';
import { clashes } from './slots.ts';

type Mode = 'day' | 'week';
const EVERYONE = '';

/** The Schedule screen. */
export function ScheduleScreen() {
  const { t } = useWords();
  const { time, user, can } = useClinic();
  const { open, panel } = useWorkspace();
  const client = useQueryClient();
  const now = useNow();
  const today = time.dayOf(now);
  const [mode, setMode] = useKept<Mode>('schedule.mode', 'day');
  const [day, setDay] = useKept('schedule.day', today);
  const [whom, setWhom] = useKept('schedule.whom', EVERYONE);
  const [cancelled, setCancelled] = useKept('schedule.cancelled', false);
  const [picking, setPicking] = useState(false);
  const from = mode === 'day' ? day : mondayOf(day);
  const schedule = useSchedule(from, mode === 'day' ? 1 : 7, true);
  const view = schedule.data;
  const practitioners = useMemo(
    () => (view?.practitioners ?? []).filter((p) => whom === EVERYONE || p.id === whom),
    [view, whom],
  );
  const appointments = useMemo(
    () => (view?.appointments ?? []).filter((a) => cancelled || a.progress !== 'cancelled'),
    [view, cancelled],
  );
  const requested = appointments.filter(
    (a) => a.standing === 'saved' || a.standing === 'sent',
  ).length;
  const weekend = useMemo(() => {
    const saturday = addDays(mondayOf(from), 5);
    return (
      from >= saturday ||
      [...(view?.hours ?? []), ...appointments].some((x) => time.dayOf(x.start) >= saturday)
    );
  }, [view, appointments, from, time]);

  const move = useAction(async (drop: Drop) => {
    try {
      const saved = await ipc.moveAppointment({
        id: drop.id,
        start: drop.start,
        minutes: drop.minutes,
        practitioner: drop.practitioner,
      });
      const who = view?.practitioners.find((p) => p.id === drop.practitioner)?.name ?? '';
      const to = { time: `${time.day(drop.start)}, ${time.time(drop.start)}`, practitioner: who };
      announce(client, saved, {
        requested: t('schedule.movedRequested', to),
        confirmed: t('schedule.moved', to),
      });
    } catch (error) {
      drop.revert();
      throw error;
    }
  });

  const describe = useCallback(
    (a: AppointmentView): Described => {
      const waits = a.standing === 'saved' || a.standing === 'sent';
      const warns = a.standing === 'needs-you' || a.standing === 'refused';
      const standing = waits
        ? t('standing.requested')
        : warns
          ? t(a.standing === 'refused' ? 'standing.refused' : 'standing.needsYou')
          : '';
      return {
        id: a.id,
        time: time.time(a.start),
        name: a.patientName,
        reason: a.reason ?? '',
        tall: minutesBetween(a.start, a.end) >= 45,
        state: [t(`progress.${PROGRESS_WORD[a.progress]}`), a.practitionerName, standing]
          .filter(Boolean)
          .join(', '),
        mark: warns ? 'warns' : waits ? 'requested' : null,
      };
    },
    [t, time],
  );
  const onOpen = useCallback(
    (a: AppointmentView) => open({ kind: 'appointment', id: a.id, day: time.dayOf(a.start) }),
    [open, time],
  );
  const onStretch = useCallback(
    ({ start, minutes, practitioner }: Stretch) =>
      open({
        kind: 'booking',
        start,
        ...(minutes ? { minutes } : {}),
        ...(practitioner ? { practitioner } : {}),
      }),
    [open],
  );
  const onDrop = useCallback(
    (drop: Drop) => {
      const found = clashes(
        view?.appointments ?? [],
        drop.practitioner,
        Date.parse(drop.start),
        drop.minutes,
        drop.id,
      );
      if (found.length > 0) {
        drop.revert();
        notifications.show({
          title: t('schedule.booking.clashTitle'),
          message: found
            .map((a) =>
              t('schedule.booking.clash', {
                practitioner: a.practitionerName,
                patient: a.patientName,
                start: time.time(a.start),
                end: time.time(a.end),
              }),
            )
            .join(' '),
        });
        return;
      }
      void move.run(drop);
    },
    [view, move, t, time],
  );

  const step = mode === 'day' ? 1 : 7;
  const chosen = panel?.kind === 'appointment' ? panel.id : null;
  const title =
    mode === 'day'
      ? time.longDay(from)
      : `${time.day(from)} – ${time.day(addDays(from, weekend ? 6 : 4))}`;
  return (
    <Page
      title={t('schedule.title')}
      fixed
      testId="schedule"
      aside={
        requested > 0 && (
          <span className={css.requested} data-testid="schedule-requested">
            {t('schedule.unconfirmed', { count: requested })}
          </span>
        )
      }
      actions={
        <>
          <SegmentedControl
            aria-label={t('schedule.title')}
            value={mode}
            onChange={(next) => {
              setMode(next as Mode);
              if (next === 'week' && whom === EVERYONE && user.practitioner) {
                setWhom(user.practitioner);
              }
            }}
            data={[
              { value: 'day', label: t('schedule.day') },
              { value: 'week', label: t('schedule.week') },
            ]}
            data-testid="schedule-mode"
          />
          {can('book') && (
            <Button
              leftSection={<IconCalendarPlus size={16} aria-hidden />}
              onClick={() => open({ kind: 'booking', start: `${day}T` })}
              data-new
              data-testid="book"
            >
              {t('schedule.book')}
            </Button>
          )}
        </>
      }
    >
      <div className={css.bar}>
        <Button variant="default" onClick={() => setDay(today)} disabled={day === today}>
          {t('schedule.today')}
        </Button>
        <div className={css.steps}>
          <ActionIcon
            size={32}
            aria-label={t('schedule.previous')}
            onClick={() => setDay(addDays(day, -step))}
            data-testid="schedule-previous"
          >
            <IconChevronLeft size={18} />
          </ActionIcon>
          <ActionIcon
            size={32}
            aria-label={t('schedule.next')}
            onClick={() => setDay(addDays(day, step))}
            data-testid="schedule-next"
          >
            <IconChevronRight size={18} />
          </ActionIcon>
        </div>
        <Popover opened={picking} onChange={setPicking} trapFocus position="bottom-start">
          <Popover.Target>
            <Button
              variant="subtle"
              color="gray"
              className={css.title}
              onClick={() => setPicking(!picking)}
              data-testid="schedule-date"
              data-day={day}
            >
              {title}
            </Button>
          </Popover.Target>
          <Popover.Dropdown aria-label={t('schedule.goTo')}>
            <DatePicker
              value={day}
              defaultDate={day}
              firstDayOfWeek={1}
              onChange={(next) => {
                if (next) {
                  setDay(next);
                }
                setPicking(false);
              }}
            />
          </Popover.Dropdown>
        </Popover>
        <span className={css.gap} />
        <Switch
          size="xs"
          label={t('schedule.showCancelled')}
          checked={cancelled}
          onChange={(event) => setCancelled(event.currentTarget.checked)}
        />
        <NativeSelect
          className={css.whom}
          aria-label={t('schedule.practitioner')}
          value={whom}
          onChange={(event) => setWhom(event.currentTarget.value)}
          data={[
            { value: EVERYONE, label: t('schedule.everyone') },
            ...(view?.practitioners ?? []).map((p) => ({ value: p.id, label: p.name })),
          ]}
          data-testid="schedule-whom"
        />
      </div>
      {move.fault && (
        <div className={css.fault}>
          <FaultNote fault={move.fault} compact />
        </div>
      )}
      {schedule.error && (
        <div className={css.fault}>
          <FaultNote fault={faultOf(schedule.error)} again={() => schedule.refetch()} />
        </div>
      )}
      {!view && !schedule.error && <SkeletonRows rows={14} columns={[1, 4, 4, 4, 4]} height={40} />}
      {view && view.practitioners.length === 0 && (
        <Empty title={t('schedule.noPractitioners')} hint={t('schedule.noPractitionersHint')} />
      )}
      {view && view.practitioners.length > 0 && (
        <Calendar
          label={title}
          mode={mode}
          from={from}
          time={time}
          now={now}
          practitioners={practitioners.length > 0 ? practitioners : view.practitioners}
          appointments={appointments}
          hours={view.hours}
          weekend={weekend}
          editable={can('book')}
          chosen={chosen}
          describe={describe}
          onOpen={onOpen}
          onDrop={onDrop}
          onStretch={onStretch}
        />
      )}
    </Page>
  );
}
