import { Tooltip, UnstyledButton } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '../../shared/components/icons.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import { usePlace } from './place.tsx';
import css from './StatusBar.module.css';
import { useSession } from './session.tsx';
import { useWorkspace } from './workspace.tsx';

/** The truth about the connection and about what waits. Says "up to date" only if nothing does. */
export function StatusBar() {
  const { t } = useWords();
  const { time } = useClinic();
  const { sync } = useSession();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const now = useNow();
  if (!sync) {
    return <footer className={css.bar} data-testid="status" />;
  }
  const { connection, toSend, auditToSend, needsYou, confirmedAt, first, fault, lease, rehearsal } =
    sync;
  const waits = toSend > 0 || auditToSend > 0;
  // Said only where nothing whatever waits or stands in the way.
  const says =
    connection === 'online' && !waits && needsYou === 0 && !first && !fault && !rehearsal;
  const at = confirmedAt ? time.shortly(confirmedAt, now) : null;
  return (
    <footer
      className={css.bar}
      data-testid="status"
      data-connection={connection}
      data-to-send={toSend}
      data-audit-to-send={auditToSend}
      data-needs-you={needsYou}
    >
      <UnstyledButton className={css.main} onClick={() => go({ screen: 'activity' })}>
        <span className={css.dot} data-connection={connection} aria-hidden />
        <span role="status">
          {connection === 'online' && t('status.online')}
          {connection === 'connecting' && t('status.connecting')}
          {connection === 'offline' && t('status.offline')}
          {connection === 'sign-in-needed' && t('status.signInNeeded')}
        </span>
        {says && (
          <span data-testid="status-up-to-date">
            {at ? t('status.allConfirmed', { time: at }) : t('status.upToDate')}
          </span>
        )}
        {toSend > 0 && <b data-testid="status-to-send">{t('status.toSend', { count: toSend })}</b>}
        {auditToSend > 0 && <span>{t('status.audit', { count: auditToSend })}</span>}
        {(waits || needsYou > 0 || connection !== 'online') && (
          <span>{at ? t('status.lastConfirmed', { time: at }) : t('status.neverConfirmed')}</span>
        )}
        {lease.state === 'valid' && lease.until !== null && (
          <span data-testid="status-lease">{t('lease.allowed', { until: lease.until })}</span>
        )}
        {first && (
          <span>
            {t(first.stopped ? 'status.fillingStopped' : 'status.filling', {
              done: first.done,
              total: first.total,
            })}
          </span>
        )}
      </UnstyledButton>
      {needsYou > 0 && (
        <UnstyledButton className={css.needs} onClick={() => go({ screen: 'inbox' })}>
          <IconAlertTriangle size={14} aria-hidden />
          {t('status.needsYou', { count: needsYou })}
        </UnstyledButton>
      )}
      {(lease.state === 'ending' || lease.state === 'expired') && (
        <UnstyledButton
          className={css.needs}
          onClick={() => go({ screen: 'settings' })}
          data-testid="status-lease"
        >
          <IconAlertTriangle size={14} aria-hidden />
          {lease.state === 'ending' && lease.until !== null
            ? t('lease.allowed', { until: lease.until })
            : t('lease.expired')}
        </UnstyledButton>
      )}
      {fault && (
        <Tooltip label={`${fault.safe} ${fault.act}`} multiline>
          <span className={css.needs} role="alert">
            <IconAlertTriangle size={14} aria-hidden />
            {t('status.fault', { what: fault.what })}
            <span className="unseen">{`${fault.safe} ${fault.act}`}</span>
          </span>
        </Tooltip>
      )}
      {connection === 'sign-in-needed' && (
        <UnstyledButton className={css.needs} onClick={() => open({ kind: 'sign-in-again' })}>
          {t('status.signInAgain')}
        </UnstyledButton>
      )}
      <Tooltip label={t('status.syncNow')}>
        <UnstyledButton
          className={css.sync}
          aria-label={t('status.syncNow')}
          onClick={() => {
            ipc.syncNow().catch(() => {
              // How it went arrives with the next state of the connection.
            });
          }}
        >
          <IconRefresh size={14} aria-hidden />
        </UnstyledButton>
      </Tooltip>
    </footer>
  );
}
