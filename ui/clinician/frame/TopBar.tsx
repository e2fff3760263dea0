import { ActionIcon, Kbd, Tooltip } from '@mantine/core';
import { IconArrowLeft, IconKeyboard, IconSearch } from '../../shared/components/icons.ts';
import { useRoleWords } from '../../shared/hooks/use-names.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import { showOverlay } from './overlays.ts';
import { usePlace } from './place.tsx';
import css from './TopBar.module.css';

/** The one search, and the clinic's clock. */
export function TopBar() {
  const { t } = useWords();
  const { user, time, screens } = useClinic();
  const { back, canGoBack } = usePlace();
  const now = useNow();
  const role = useRoleWords()(user.role);
  return (
    <header className={css.bar}>
      <Tooltip label={`${t('bar.back')} (Alt+←)`}>
        <ActionIcon aria-label={t('bar.back')} onClick={back} disabled={!canGoBack} size={32}>
          <IconArrowLeft size={18} />
        </ActionIcon>
      </Tooltip>
      <button
        type="button"
        className={css.search}
        onClick={() => showOverlay('find')}
        aria-keyshortcuts="Control+K"
        data-testid="find"
      >
        <IconSearch size={16} aria-hidden />
        <span className="one-line">
          {t(screens.includes('patients') ? 'bar.search' : 'bar.searchCommands')}
        </span>
        <Kbd size="xs" className={css.kbd}>
          Ctrl K
        </Kbd>
      </button>
      <div className={css.gap} />
      <Tooltip label={t('bar.user', { name: user.displayName, role })}>
        <div className={css.who}>
          <bdi className="one-line">{user.displayName}</bdi>
          <span className="one-line">{user.clinic}</span>
        </div>
      </Tooltip>
      <Tooltip label={`${t('bar.clock')}: ${time.longDay(now)}, ${user.timeZone}`}>
        <time className={css.clock} dateTime={now.toISOString()}>
          <span>{time.day(now)}</span>
          <b>{time.time(now)}</b>
        </time>
      </Tooltip>
      <Tooltip label={`${t('keys.title')} (?)`}>
        <ActionIcon aria-label={t('find.keys')} onClick={() => showOverlay('keys')} size={32}>
          <IconKeyboard size={18} />
        </ActionIcon>
      </Tooltip>
    </header>
  );
}
