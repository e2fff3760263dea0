import { Button } from '@mantine/core';
import type { Fault } from '../bindings.ts';
import { useWords } from '../words/index.ts';
import css from './FaultNote.module.css';
import { IconAlertTriangle } from './icons.ts';

/** A fault in words: what happened, what is safe, what to do; and a way to try again. */
export function FaultNote({
  fault,
  again,
  compact = false,
}: {
  fault: Fault;
  again?: (() => void) | undefined;
  compact?: boolean;
}) {
  const { t } = useWords();
  return (
    <div className={css.note} data-compact={compact || undefined} role="alert" data-testid="fault">
      <IconAlertTriangle size={18} aria-hidden className={css.mark} />
      <div className={css.words}>
        <p className={css.what}>{fault.what}</p>
        {fault.safe !== '' && <p>{fault.safe}</p>}
        {fault.act !== '' && <p>{fault.act}</p>}
        {again && (
          <Button variant="default" size="xs" onClick={again} mt={6}>
            {t('common.tryAgain')}
          </Button>
        )}
      </div>
    </div>
  );
}
