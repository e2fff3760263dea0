// One appointment: what it is, where it stands, its next step, moving and cancelling it.
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { AppointmentView, Progress, ScheduleView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { minutesBetween } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { usePlace } from '../frame/place.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { isDate } from '../patients/form.ts';
import { nextStep, PROGRESS_WORD, stepBack } from '../today/progress.ts';
import { State } from '../today/State.tsx';
import { Link } from '../visits/Link.tsx';
import css from './AppointmentPanel.module.css';
import { TimeCheck } from './BookingPanel.tsx';
import { useSchedule } from './read.ts';
import { clashes, isTime, withinHours } from './slots.ts';
import { type When, WhenFields } from './WhenFields.tsx';

const REASONS = ['patient', 'practitioner', 'error', 'weather'] as const;

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Steps({ appointment }: { appointment: AppointmentView }) {
  const { t } = useWords();
  const act = useAction((to: Progress) => ipc.setProgress(appointment.id, to));
  const next = nextStep(appointment.progress);
  const back = stepBack(appointment.progress);
  return (
    <>
      <div className={css.buttons}>
        {next && (
          <Button
            loading={act.running}
            onClick={(event) => event.detail < 2 && act.run(next)}
            data-autofocus
            data-testid="appointment-next"
          >
            {t(`progress.next.${PROGRESS_WORD[next]}`)}
          </Button>
        )}
        {appointment.progress === 'booked' && (
          <Button
            variant="default"
            disabled={act.running}
            onClick={() => act.run('no-show')}
            data-testid="appointment-no-show"
          >
            {t('progress.markNoShow')}
          </Button>
        )}
        {back && (
          <Button variant="default" disabled={act.running} onClick={() => act.run(back)}>
            {t('progress.undoTo', {
              state: t(`progress.${PROGRESS_WORD[back]}`).toLocaleLowerCase(),
            })}
          </Button>
        )}
      </div>
      {act.fault && <FaultNote fault={act.fault} compact />}
    </>
  );
}

function Move({ appointment, view }: { appointment: AppointmentView; view: ScheduleView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { open } = useWorkspace();
  const wall = time.wall(appointment.start);
  const [when, setWhen] = useState<When>({
    practitioner: appointment.practitioner ?? '',
    date: wall.slice(0, 10),
    time: wall.slice(11, 16),
    minutes: minutesBetween(appointment.start, appointment.end),
  });
  // The day it would be moved to is read only once it is another one.
  const other = useSchedule(isDate(when.date) ? when.date : view.from, 1, true);
  const complete = isDate(when.date) && isTime(when.time) && when.practitioner !== '';
  const at = complete ? time.instant(`${when.date}T${when.time}:00`) : null;
  const day = other.data;
  const found =
    at && day
      ? clashes(day.appointments, when.practitioner, Date.parse(at), when.minutes, appointment.id)
      : [];
  const outside =
    at !== null &&
    day !== undefined &&
    !withinHours(day.hours, when.practitioner, Date.parse(at), when.minutes);
  const move = useAction(async (start: string) => {
    await ipc.moveAppointment({
      id: appointment.id,
      start,
      minutes: when.minutes,
      practitioner: when.practitioner,
    });
    open({ kind: 'appointment', id: appointment.id, day: time.dayOf(start) });
  });
  const wrong = {
    ...(isDate(when.date) ? {} : { date: t('schedule.booking.dateWrong') }),
    ...(isTime(when.time) ? {} : { time: t('schedule.booking.timeWrong') }),
  };
  const same =
    at !== null &&
    Date.parse(at) === Date.parse(appointment.start) &&
    when.minutes === minutesBetween(appointment.start, appointment.end) &&
    when.practitioner === appointment.practitioner;
  return (
    <form
      className={css.section}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (at && !same && found.length === 0) {
          void move.run(at);
        }
      }}
    >
      <h3>{t('schedule.appointment.move')}</h3>
      <WhenFields
        value={when}
        onChange={setWhen}
        practitioners={view.practitioners}
        wrong={wrong}
      />
      <TimeCheck found={found} outside={outside && !same} />
      {move.fault && <FaultNote fault={move.fault} compact />}
      <div>
        <Button
          type="submit"
          variant="default"
          loading={move.running}
          disabled={!at || same || found.length > 0}
          data-testid="appointment-move"
        >
          {t('schedule.appointment.moveSubmit')}
        </Button>
      </div>
    </form>
  );
}

function CancelForm({ appointment }: { appointment: AppointmentView }) {
  const { t } = useWords();
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const cancel = useAction(() => ipc.cancelAppointment(appointment.id, reason.trim()));
  return (
    <form
      className={css.section}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (reason.trim() !== '') {
          void cancel.run();
        }
      }}
    >
      <h3>{t('schedule.appointment.cancelTitle')}</h3>
      <div className={css.reasons}>
        {REASONS.map((key) => {
          const text = t(`schedule.appointment.reasons.${key}`);
          return (
            <Button
              key={key}
              size="xs"
              variant={reason === text ? 'light' : 'default'}
              aria-pressed={reason === text}
              onClick={() => setReason(text)}
            >
              {text}
            </Button>
          );
        })}
      </div>
      <TextInput
        label={t('schedule.appointment.cancelReason')}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        error={tried && reason.trim() === '' ? t('schedule.appointment.cancelReasonMissing') : null}
        autoComplete="off"
        data-testid="cancel-reason"
      />
      {cancel.fault && <FaultNote fault={cancel.fault} compact />}
      <div>
        <Button
          type="submit"
          color="red"
          variant="light"
          loading={cancel.running}
          data-testid="cancel-submit"
        >
          {t('schedule.appointment.cancelSubmit')}
        </Button>
      </div>
    </form>
  );
}

/** The panel of an appointment of a day. */
export function AppointmentPanel({ id, day }: { id: string; day: string }) {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { go } = usePlace();
  const now = useNow(30_000);
  const schedule = useSchedule(day, 1);
  const appointment = schedule.data?.appointments.find((a) => a.id === id);
  if (!appointment || !schedule.data) {
    return (
      <Panel title={t('schedule.appointment.title')}>
        {schedule.error && (
          <FaultNote fault={faultOf(schedule.error)} again={() => schedule.refetch()} compact />
        )}
        {schedule.data && <p className="dim">{t('schedule.appointment.gone')}</p>}
        {!schedule.data && !schedule.error && <SkeletonRows rows={6} columns={[2, 4]} />}
      </Panel>
    );
  }
  const { patient, standing } = appointment;
  const editable = can('book');
  return (
    <Panel
      title={t('schedule.appointment.title')}
      aside={`${time.day(appointment.start)}, ${time.time(appointment.start)}`}
      testId="appointment"
    >
      <div className={css.who}>
        <div className={css.name}>
          <PersonName name={patient ? appointment.patientName : t('today.noPatient')} />
          <span className="dim num">{appointment.patientDetail}</span>
        </div>
        {patient && can('read-chart') && (
          <Button
            variant="default"
            onClick={() => go({ screen: 'chart', patient })}
            data-testid="appointment-chart"
          >
            {t('schedule.appointment.openChart')}
          </Button>
        )}
      </div>
      <dl className={css.facts}>
        <Fact name={t('schedule.appointment.when')}>
          <span className="num">
            {time.day(appointment.start)}, {time.time(appointment.start)}–
            {time.time(appointment.end)}
          </span>
        </Fact>
        <Fact name={t('schedule.appointment.with')}>
          <bdi>{appointment.practitionerName}</bdi>
        </Fact>
        {appointment.place && (
          <Fact name={t('schedule.appointment.place')}>{appointment.place}</Fact>
        )}
        {appointment.reason && (
          <Fact name={t('schedule.appointment.reason')}>{appointment.reason}</Fact>
        )}
        <Fact name={t('schedule.appointment.state')}>
          <State appointment={{ ...appointment, standing: 'confirmed' }} now={now} />
        </Fact>
        <Fact name={t('schedule.appointment.record')}>
          {standing === 'confirmed' ? (
            t('standing.confirmed')
          ) : (
            <span className={css.standing}>
              <StandingMark
                standing={standing === 'saved' || standing === 'sent' ? 'requested' : standing}
              />
              <span aria-hidden>
                {t(
                  standing === 'refused'
                    ? 'standing.refused'
                    : standing === 'needs-you'
                      ? 'standing.needsYou'
                      : 'standing.requested',
                )}
              </span>
            </span>
          )}
        </Fact>
      </dl>
      {appointment.cancelledBecause && (
        <p>
          {t('schedule.appointment.cancelledBecause', { reason: appointment.cancelledBecause })}
        </p>
      )}
      {editable && <Steps appointment={appointment} />}
      {can('read-chart') && patient && nextStep(appointment.progress) && (
        <div className={css.link}>
          <Link key={appointment.id} appointment={appointment.id} again={false} />
        </div>
      )}
      {editable && appointment.progress === 'booked' && (
        <>
          <Move
            key={`${appointment.start} ${appointment.end} ${appointment.practitioner}`}
            appointment={appointment}
            view={schedule.data}
          />
          <CancelForm appointment={appointment} />
        </>
      )}
    </Panel>
  );
}
