import { Tooltip } from '@mantine/core';
import type { Standing } from '../bindings.ts';
import { useWords } from '../words/index.ts';
import { IconAlertTriangle, IconPencil } from './icons.ts';
import css from './Standing.module.css';

/** Where something stands; `draft` and `requested` are the screen's own. */
export type Stand = Standing | 'draft' | 'requested';

const KEY = {
  draft: 'draft',
  saved: 'saved',
  sent: 'sent',
  confirmed: 'confirmed',
  requested: 'requested',
  'needs-you': 'needsYou',
  refused: 'refused',
} as const;

/**
 * The mark of where a record stands: pencil, hollow dot, half dot, nothing, triangle. The whole
 * sentence is its name and its tooltip. Confirmed shows nothing: it is how things should be.
 */
export function StandingMark({ standing, words = false }: { standing: Stand; words?: boolean }) {
  const { t } = useWords();
  if (standing === 'confirmed') {
    return null;
  }
  const key = KEY[standing];
  const sentence = t(`standing.${key}`);
  const short = t(`standing.short.${key}`);
  const warns = standing === 'needs-you' || standing === 'refused';
  return (
    <Tooltip label={sentence}>
      <span className={css.standing} data-warns={warns || undefined} data-standing={standing}>
        {standing === 'draft' && <IconPencil size={13} aria-hidden />}
        {warns && <IconAlertTriangle size={14} aria-hidden />}
        {(standing === 'saved' || standing === 'sent' || standing === 'requested') && (
          <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
            <circle
              cx="5"
              cy="5"
              r="3.75"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.5"
              strokeDasharray={standing === 'requested' ? '2.2 1.5' : undefined}
            />
            {standing === 'sent' && <path d="M5 1.25a3.75 3.75 0 0 1 0 7.5z" fill="currentColor" />}
          </svg>
        )}
        {words ? <span>{short}</span> : <span className="unseen">{sentence}</span>}
      </span>
    </Tooltip>
  );
}
