import { Tooltip } from '@mantine/core';
import {
  IconCalendar,
  IconHistory,
  IconInbox,
  IconLock,
  IconReportSearch,
  IconSettings,
  IconShieldExclamation,
  IconSun,
  IconSwitch,
  IconUsers,
  IconVideo,
} from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import { useWaiting } from '../visits/use-call.ts';
import { useClinic } from './clinic.tsx';
import { useLock, useSwitch } from './lock.ts';
import { useOpenReviews } from './open-reviews.ts';
import { usePlace } from './place.tsx';
import css from './Rail.module.css';
import type { Screen } from './screens.ts';
import { useSession } from './session.tsx';

const ICONS = {
  today: IconSun,
  patients: IconUsers,
  schedule: IconCalendar,
  visits: IconVideo,
  inbox: IconInbox,
  audit: IconReportSearch,
  reviews: IconShieldExclamation,
  activity: IconHistory,
  settings: IconSettings,
} as const;

const COUNTED = {
  inbox: 'status.needsYou',
  visits: 'visits.waiting',
} as const;

/** The screens that exist, and the lock. */
export function Rail() {
  const { t } = useWords();
  const { screens } = useClinic();
  const { place, go } = usePlace();
  const { sync } = useSession();
  const lock = useLock();
  const switchUser = useSwitch();
  const open = useOpenReviews();
  const waiting = useWaiting();
  const counts: Partial<Record<Screen, number>> = {
    inbox: (sync?.needsYou ?? 0) + (sync?.duplicates ?? 0),
    reviews: open,
    visits: waiting,
  };
  const current = place.screen === 'chart' ? 'patients' : place.screen;
  return (
    <nav className={css.rail} aria-label={t('rail.label')}>
      <div className={css.logo} aria-hidden>
        R
      </div>
      {screens.map((screen, index) => {
        const Icon = ICONS[screen];
        const count = counts[screen] ?? 0;
        const counted = count > 0;
        return (
          <button
            key={screen}
            type="button"
            className={css.item}
            aria-current={current === screen ? 'page' : undefined}
            aria-keyshortcuts={`Alt+${index + 1}`}
            onClick={() => go({ screen })}
            data-testid={`rail-${screen}`}
          >
            <span className={css.icon}>
              <Icon size={20} stroke={1.6} aria-hidden />
              {counted && (
                <span className={css.count} aria-hidden data-testid={`rail-count-${screen}`}>
                  {count > 99 ? '99+' : count}
                </span>
              )}
            </span>
            {t(`rail.${screen}`)}
            {counted && (
              <span className="unseen">
                {t(
                  screen === 'inbox' || screen === 'visits' ? COUNTED[screen] : 'reviews.openCount',
                  { count },
                )}
              </span>
            )}
          </button>
        );
      })}
      <div className={css.gap} />
      <button
        type="button"
        className={css.item}
        onClick={switchUser}
        aria-label={t('switching.button')}
        data-testid="switch-user"
      >
        <span className={css.icon}>
          <IconSwitch size={20} stroke={1.6} aria-hidden />
        </span>
        {t('rail.switch')}
      </button>
      <Tooltip label="Ctrl+L" position="right">
        <button
          type="button"
          className={css.item}
          onClick={lock}
          aria-keyshortcuts="Control+L"
          data-testid="lock"
        >
          <span className={css.icon}>
            <IconLock size={20} stroke={1.6} aria-hidden />
          </span>
          {t('rail.lock')}
        </button>
      </Tooltip>
    </nav>
  );
}
