// What holds for the whole window: off line and for how long that may be, or cut off on purpose.
// Off line is a state and no error: amber only once the time runs short.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconCloudOff } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useLeft } from '../../shared/hooks/use-spans.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './Banners.module.css';
import { useClinic } from './clinic.tsx';
import { useSession } from './session.tsx';

function RehearsalBanner({ until, minutesLeft }: { until: string; minutesLeft: number }) {
  const { t } = useWords();
  const { can, time } = useClinic();
  const now = useNow();
  const left = useLeft();
  const stop = useAction(async () => {
    await ipc.stopRehearsal();
    notifications.show({ message: t('rehearsal.stopped') });
  });
  return (
    <section
      className={css.banner}
      data-warns
      aria-label={t('banner.label')}
      data-testid="rehearsal-banner"
    >
      <IconCloudOff size={18} aria-hidden />
      <p>
        <b>{t('banner.rehearsal')}</b>{' '}
        {t('banner.rehearsalWhat', {
          until: time.shortly(until, now),
          left: left(minutesLeft),
        })}
      </p>
      {can('rehearse') && (
        <Button
          size="xs"
          variant="default"
          loading={stop.running}
          onClick={() => stop.run()}
          data-testid="rehearsal-end"
        >
          {t('banner.end')}
        </Button>
      )}
      {stop.fault && <FaultNote fault={stop.fault} compact />}
    </section>
  );
}

/** The banner, where there is something to say. */
export function Banners() {
  const { t } = useWords();
  const { sync } = useSession();
  const left = useLeft();
  if (sync?.rehearsal) {
    return <RehearsalBanner {...sync.rehearsal} />;
  }
  if (sync?.connection !== 'offline') {
    return null;
  }
  const { state, until, minutesLeft } = sync.lease;
  const warns = state === 'ending' || state === 'expired';
  return (
    <section
      className={css.banner}
      data-warns={warns || undefined}
      data-lease={state}
      aria-label={t('banner.label')}
      data-testid="offline-banner"
    >
      <IconCloudOff size={18} aria-hidden />
      <p>
        <b>{t('banner.offline')}</b>{' '}
        {state === 'expired' ? t('banner.expired') : t('banner.goesOn')}{' '}
        {state !== 'expired' && until !== null && minutesLeft !== null && (
          <span>{t('banner.until', { until, left: left(minutesLeft) })}</span>
        )}{' '}
        {state === 'ending' && t('banner.ending')}
      </p>
    </section>
  );
}
