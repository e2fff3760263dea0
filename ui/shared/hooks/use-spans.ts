// Spans of time in words: how long ago, how much is left.
import { useCallback } from 'react';
import { useWords } from '../words/index.ts';

const HOUR = 60;
const DAY = 24 * HOUR;

/** How long ago a moment was. */
export function useAgo(): (at: string, now: Date) => string {
  const { t } = useWords();
  return useCallback(
    (at, now) => {
      const minutes = Math.floor((now.getTime() - new Date(at).getTime()) / 60_000);
      if (minutes < 1) {
        return t('ago.now');
      }
      if (minutes < HOUR) {
        return t('ago.minutes', { count: minutes });
      }
      if (minutes < 2 * DAY) {
        return t('ago.hours', { count: Math.floor(minutes / HOUR) });
      }
      return t('ago.days', { count: Math.floor(minutes / DAY) });
    },
    [t],
  );
}

/** How much time is left. */
export function useLeft(): (minutes: number) => string {
  const { t } = useWords();
  return useCallback(
    (minutes) => {
      if (minutes < HOUR) {
        return t('left.minutes', { count: minutes });
      }
      if (minutes < 2 * DAY) {
        return t('left.hours', { hours: Math.floor(minutes / HOUR), minutes: minutes % HOUR });
      }
      return t('left.days', { count: Math.floor(minutes / DAY) });
    },
    [t],
  );
}
