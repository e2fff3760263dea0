import { useEffect } from 'react';
import type { AccessView } from '../../shared/bindings.ts';
import { IconLockOpen, IconUrgent } from '../../shared/components/icons.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './Granted.module.css';

/**
 * The mark of a record that is open on somebody's own word, with the time that this ends; then
 * `ended` is called, and the record is asked for again.
 */
export function Granted({ access, ended }: { access: AccessView; ended: () => void }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const over = Date.parse(access.until) <= now.getTime();
  useEffect(() => {
    if (over) {
      ended();
    }
  }, [over, ended]);
  const until = time.shortly(access.until, now);
  const emergency = access.kind === 'emergency';
  return (
    <p className={css.granted} data-kind={access.kind} data-testid="chart-granted">
      {emergency ? <IconUrgent size={16} aria-hidden /> : <IconLockOpen size={15} aria-hidden />}
      {t(emergency ? 'closed.untilEmergency' : 'closed.untilJustified', { time: until })}
    </p>
  );
}
