import { Button } from '@mantine/core';
import { IconShieldExclamation } from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import css from './LedgerAlarm.module.css';
import { usePlace } from './place.tsx';
import { useSession } from './session.tsx';

/**
 * The server's ledger does not continue what this computer has witnessed: said on every screen,
 * and nobody can put it away. It locks nothing: patients come first. A restore that the operator
 * signed is said as well, for a week.
 */
export function LedgerAlarm() {
  const { t } = useWords();
  const { can } = useClinic();
  const { sync } = useSession();
  const { go } = usePlace();
  const ledger = sync?.ledger;
  if (ledger?.state === 'restored') {
    return (
      <section
        className={css.alarm}
        data-state="restored"
        role="status"
        data-testid="ledger-restored"
      >
        <IconShieldExclamation size={22} aria-hidden />
        <div className={css.words}>
          <p className={css.what}>{t('ledger.restored.what')}</p>
          <p>
            {ledger.words} {t('ledger.restored.safe')}
          </p>
        </div>
        {can('review-access') && (
          <Button variant="default" onClick={() => go({ screen: 'reviews' })}>
            {t('ledger.broken.open')}
          </Button>
        )}
      </section>
    );
  }
  if (ledger?.state !== 'broken') {
    return null;
  }
  return (
    <section className={css.alarm} role="alert" data-testid="ledger-alarm">
      <IconShieldExclamation size={22} aria-hidden />
      <div className={css.words}>
        <p className={css.what}>{t('ledger.broken.what')}</p>
        <p>
          {ledger.words} {t('ledger.broken.safe')}
        </p>
        <p>{t(can('review-access') ? 'ledger.broken.actOfficer' : 'ledger.broken.act')}</p>
      </div>
      {can('review-access') && (
        <Button variant="default" onClick={() => go({ screen: 'reviews' })}>
          {t('ledger.broken.open')}
        </Button>
      )}
    </section>
  );
}
