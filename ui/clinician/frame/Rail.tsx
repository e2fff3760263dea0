import { Tooltip } from '@mantine/core';
import {
  IconCalendar,
  IconHistory,
  IconInbox,
  IconLock,
  IconSettings,
  IconSun,
  IconUsers,
} from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import { useLock } from './lock.ts';
import { SCREENS, usePlace } from './place.tsx';
import css from './Rail.module.css';
import { useSession } from './session.tsx';

const ICONS = {
  today: IconSun,
  patients: IconUsers,
  schedule: IconCalendar,
  inbox: IconInbox,
  activity: IconHistory,
  settings: IconSettings,
} as const;

/** The screens that exist, and the lock. */
export function Rail() {
  const { t } = useWords();
  const { place, go } = usePlace();
  const { sync } = useSession();
  const lock = useLock();
  const count = sync?.needsYou ?? 0;
  const current = place.screen === 'chart' ? 'patients' : place.screen;
  return (
    <nav className={css.rail} aria-label={t('rail.label')}>
      <div className={css.logo} aria-hidden>
        R
      </div>
      {SCREENS.map((screen, index) => {
        const Icon = ICONS[screen];
        const counted = screen === 'inbox' && count > 0;
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
                <span className={css.count} aria-hidden>
                  {count > 99 ? '99+' : count}
                </span>
              )}
            </span>
            {t(`rail.${screen}`)}
            {counted && <span className="unseen">{t('status.needsYou', { count })}</span>}
          </button>
        );
      })}
      <div className={css.gap} />
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
