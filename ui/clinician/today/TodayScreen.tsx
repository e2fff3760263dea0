// My day: who comes when, who waits, what needs me.
import { Button, Tooltip } from '@mantine/core';
import { useRef } from 'react';
import type { AppointmentView, TodayView } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle, IconVideo } from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import { useSession } from '../frame/session.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { useWaiting } from '../visits/use-call.ts';
import { nextStep, nextUp, PROGRESS_WORD } from './progress.ts';
import { State } from './State.tsx';
import css from './TodayScreen.module.css';

const ON = { types: ['Appointment', 'Patient', 'DocumentReference', 'Practitioner', 'Location'] };

function StepButton({ appointment, strong }: { appointment: AppointmentView; strong?: boolean }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { open } = useWorkspace();
  const step = nextStep(appointment.progress);
  const act = useAction((to: 'arrived' | 'in-room' | 'done') =>
    ipc.setProgress(appointment.id, to),
  );
  if (!step || !can('book')) {
    return null;
  }
  const word = t(`progress.next.${PROGRESS_WORD[step]}`);
  return (
    <>
      <Button
        size={strong ? 'sm' : 'xs'}
        variant={strong ? 'filled' : 'default'}
        loading={act.running}
        // The second click of a double click must not take the step after this one.
        onClick={(event) => event.detail < 2 && act.run(step)}
        aria-label={`${word}: ${appointment.patientName}`}
        data-testid="appointment-step"
      >
        {word}
      </Button>
      {act.fault && (
        <Tooltip label={`${act.fault.what} ${act.fault.act}`}>
          <button
            type="button"
            className={css.failed}
            aria-label={act.fault.what}
            onClick={() =>
              open({ kind: 'appointment', id: appointment.id, day: appointment.start.slice(0, 10) })
            }
          >
            <IconAlertTriangle size={16} aria-hidden />
          </button>
        </Tooltip>
      )}
    </>
  );
}

function Row({
  appointment,
  now,
  large,
  everyone,
}: {
  appointment: AppointmentView;
  now: Date;
  large: boolean;
  everyone: boolean;
}) {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const { patient } = appointment;
  const chart = patient && can('read-chart');
  const details = () =>
    open({ kind: 'appointment', id: appointment.id, day: time.dayOf(appointment.start) });
  const enter = () => (chart ? go({ screen: 'chart', patient }) : details());
  const over = nextStep(appointment.progress) === null;
  return (
    <li
      className={css.row}
      data-large={large || undefined}
      data-over={over || undefined}
      data-row
      data-testid="appointment-row"
      data-appointment={appointment.id}
    >
      <button
        type="button"
        className={css.open}
        onClick={enter}
        onKeyDown={(event) => {
          if (event.key === ' ') {
            event.preventDefault();
            details();
          }
        }}
      >
        <span className={css.time}>
          {large && (
            <span className={css.next}>
              {appointment.progress === 'in-room' ? t('today.now') : t('today.next')}
            </span>
          )}
          <time dateTime={appointment.start}>{time.time(appointment.start)}</time>
        </span>
        <span className={css.who}>
          <PersonName
            name={patient ? appointment.patientName : t('today.noPatient')}
            className={css.name}
          />
          <span className={`${css.detail} num one-line`}>{appointment.patientDetail}</span>
        </span>
        <span className={`${css.reason} one-line`} title={appointment.reason ?? undefined}>
          {appointment.reason}
        </span>
        <span className={`${css.place} one-line`}>
          {everyone ? appointment.practitionerName : appointment.place}
        </span>
        <span className={css.state}>
          <State appointment={appointment} now={now} />
        </span>
      </button>
      <span className={css.step}>
        <StepButton appointment={appointment} strong={large} />
        {large && (
          <Button variant="default" onClick={details}>
            {t('common.more')}
          </Button>
        )}
      </span>
    </li>
  );
}

function NeedsMe({ view, now }: { view: TodayView; now: Date }) {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { sync } = useSession();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const count = sync?.needsYou ?? 0;
  const waiting = useWaiting();
  const unsigned = can('write-chart') ? view.unsigned : [];
  return (
    <Card title={t('today.needsMe')} testId="needs-me">
      {count === 0 && waiting === 0 && unsigned.length === 0 && (
        <p className={css.nothing}>{t('today.nothing')}</p>
      )}
      {waiting > 0 && (
        <button
          type="button"
          className={css.need}
          onClick={() => go({ screen: 'visits' })}
          data-testid="today-visits"
        >
          <IconVideo size={16} aria-hidden className={css.amber} />
          <span>{t('visits.needsMe', { count: waiting })}</span>
        </button>
      )}
      {count > 0 && (
        <button type="button" className={css.need} onClick={() => go({ screen: 'inbox' })}>
          <IconAlertTriangle size={16} aria-hidden className={css.amber} />
          <span>{t('today.conflicts', { count })}</span>
        </button>
      )}
      {unsigned.length > 0 && <h3 className={css.sub}>{t('today.unsigned')}</h3>}
      {unsigned.map((note) => (
        <button
          key={note.draft}
          type="button"
          className={css.need}
          onClick={() => {
            go({ screen: 'chart', patient: note.patient, tab: 'notes' });
            open({ kind: 'note', patient: note.patient });
          }}
          data-testid="unsigned-note"
        >
          <StandingMark standing="draft" />
          <span className={css.needWords}>
            <PersonName name={note.patientName} />
            <span className="dim small">
              {t('today.unsignedSince', { time: time.shortly(note.changedAt, now) })}
            </span>
          </span>
        </button>
      ))}
    </Card>
  );
}

/** Moves the focus between rows with the arrows. */
function arrows(event: React.KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') {
    return;
  }
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row] > button')];
  const at = rows.findIndex((row) => row.parentElement?.contains(document.activeElement));
  const next = rows[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

/** The Today screen. */
export function TodayScreen() {
  const { t } = useWords();
  const { time, user } = useClinic();
  const { go } = usePlace();
  const now = useNow(30_000);
  const list = useRef<HTMLUListElement>(null);
  const today = useView({ key: ['today'], read: (cause) => ipc.today(cause), on: ON });
  const view = today.data;
  const counted = view?.appointments.filter((a) => a.progress !== 'cancelled') ?? [];
  const done = counted.filter((a) => nextStep(a.progress) === null).length;
  const waiting = counted.filter((a) => a.progress === 'arrived').length;
  const next = view ? nextUp(view.appointments) : null;
  const everyone = user.practitioner === null;
  return (
    <Page
      title={t('today.title')}
      testId="today"
      aside={
        view && (
          <p className="one-line">
            {time.longDay(view.date)} · <bdi>{view.whose}</bdi>
            {counted.length > 0 && ` · ${t('today.summary', { done, total: counted.length })}`}
            {waiting > 0 && ` · ${t('today.arrivedCount', { count: waiting })}`}
          </p>
        )
      }
    >
      {today.error && !view && (
        <FaultNote fault={faultOf(today.error)} again={() => today.refetch()} />
      )}
      {!today.error && !view && <SkeletonRows rows={10} columns={[1, 4, 4, 2, 2]} height={40} />}
      {view && (
        <div className={css.columns}>
          <section className={css.list} aria-label={t('today.list')}>
            {view.appointments.length === 0 ? (
              <Empty title={t('today.none')} hint={t('today.noneHint')}>
                <Button variant="default" onClick={() => go({ screen: 'schedule' })}>
                  {t('today.noneAct')}
                </Button>
              </Empty>
            ) : (
              <ul ref={list} onKeyDown={arrows} className={css.rows}>
                {view.appointments.map((appointment) => (
                  <Row
                    key={appointment.id}
                    appointment={appointment}
                    now={now}
                    large={appointment.id === next?.id}
                    everyone={everyone}
                  />
                ))}
              </ul>
            )}
          </section>
          <aside className={css.side}>
            {today.error && (
              <FaultNote fault={faultOf(today.error)} again={() => today.refetch()} compact />
            )}
            <NeedsMe view={view} now={now} />
          </aside>
        </div>
      )}
    </Page>
  );
}
