import type { LedgerView } from '../../shared/bindings.ts';
import { IconShieldCheck, IconShieldExclamation } from '../../shared/components/icons.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import css from './LedgerWords.module.css';

/** Whether the server's ledger continues what this computer has witnessed, in words. */
export function LedgerWords({ ledger, inline = false }: { ledger: LedgerView; inline?: boolean }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const { state, size, at } = ledger;
  const verified = state === 'verified' && size !== null && at !== null;
  return (
    <p
      className={css.ledger}
      data-inline={inline || undefined}
      data-state={state}
      data-testid="ledger-state"
    >
      {state === 'verified' && <IconShieldCheck size={16} aria-hidden />}
      {(state === 'broken' || state === 'restored') && (
        <IconShieldExclamation size={16} aria-hidden />
      )}
      <span>
        {verified
          ? t('ledger.verified', {
              count: size,
              size: new Intl.NumberFormat(time.locale).format(size),
              time: time.shortly(at, now),
            })
          : state === 'broken'
            ? `${t('ledger.brokenShort')}. ${ledger.words}`
            : state === 'restored'
              ? ledger.words
              : t('ledger.unknown')}
      </span>
    </p>
  );
}
