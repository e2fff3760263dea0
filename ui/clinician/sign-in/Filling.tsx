import { Button } from '@mantine/core';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import css from './SignIn.module.css';

/** The first filling of the cache: how far it is, stop, go on. */
export function Filling() {
  const { t, i18n } = useWords();
  const { sync, take } = useSession();
  const stop = useAction(() => ipc.stopFirstSync());
  const resume = useAction(() => ipc.resumeFirstSync());
  const lock = useAction(async () => take(await ipc.lock()));
  const first = sync?.first;
  const stopped = first?.stopped ?? false;
  const number = new Intl.NumberFormat(i18n.language);
  const share = first && first.total > 0 ? Math.min(1, first.done / first.total) : 0;
  const fault = sync?.fault ?? stop.fault ?? resume.fault ?? lock.fault;
  return (
    <main className={css.page} data-testid="filling">
      <div className={css.card}>
        <div className={css.brand} aria-hidden>
          <span>R</span>
          {t('app.name')}
        </div>
        <h1>{t('signIn.fillingTitle')}</h1>
        <p className={css.lead}>{t('signIn.fillingLead')}</p>
        <div className={css.progress}>
          <div
            className={css.bar}
            data-stopped={stopped || undefined}
            role="progressbar"
            aria-label={t('signIn.fillingTitle')}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.floor(share * 100)}
            data-testid="filling-progress"
          >
            <div style={{ width: `${share * 100}%` }} />
          </div>
          <p className={css.count} aria-live="off">
            <span>
              {first && first.total > 0
                ? t('signIn.fillingCount', {
                    done: number.format(first.done),
                    total: number.format(first.total),
                  })
                : t('signIn.fillingStart')}
            </span>
            {first && first.total > 0 && <b>{Math.floor(share * 100)} %</b>}
          </p>
          {(stopped || sync?.connection === 'offline') && (
            <p role="status">{stopped ? t('signIn.fillingStopped') : t('signIn.fillingOffline')}</p>
          )}
        </div>
        <div className={css.form}>
          {fault && <FaultNote fault={fault} compact />}
          <div className={css.actions}>
            {stopped ? (
              <Button
                onClick={() => resume.run()}
                loading={resume.running}
                data-testid="filling-resume"
              >
                {t('signIn.resume')}
              </Button>
            ) : (
              <Button
                variant="default"
                onClick={() => stop.run()}
                loading={stop.running}
                data-testid="filling-stop"
              >
                {t('signIn.stop')}
              </Button>
            )}
            <Button variant="subtle" color="gray" onClick={() => lock.run()}>
              {t('signIn.lock')}
            </Button>
          </div>
        </div>
      </div>
      <p className={css.foot}>{t('signIn.footer')}</p>
    </main>
  );
}
