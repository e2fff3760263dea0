import type { AppointmentView } from '../../shared/bindings.ts';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { minutesSince } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { PROGRESS_WORD } from './progress.ts';
import css from './State.module.css';

/** The state of an appointment in words, with since when, and where its record stands. */
export function State({ appointment, now }: { appointment: AppointmentView; now: Date }) {
  const { t } = useWords();
  const { progress, since, standing } = appointment;
  const word = t(`progress.${PROGRESS_WORD[progress]}`);
  let text: string = word;
  if (since && (progress === 'arrived' || progress === 'in-room')) {
    const minutes = minutesSince(since, now);
    const age =
      minutes < 90
        ? t('progress.minutes', { count: minutes })
        : t('progress.hours', { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
    text = t('progress.since', { state: word, age });
  }
  return (
    <span className={css.state} data-progress={progress}>
      <span className={css.word}>{text}</span>
      {standing !== 'confirmed' && (
        <StandingMark
          standing={standing === 'saved' || standing === 'sent' ? 'requested' : standing}
        />
      )}
    </span>
  );
}
