import { Button, Loader } from '@mantine/core';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import css from './SignIn.module.css';

/** Somebody signs in with the organisation in the system's browser: what goes on, and a way back. */
export function BrowserWait() {
  const { t } = useWords();
  const { take } = useSession();
  const cancel = useAction(async () => take(await ipc.cancelSignIn()));
  return (
    <div className={css.wait} data-testid="browser-wait">
      <Loader size={20} aria-hidden />
      <div role="status">
        <b>{t('signIn.browsing')}</b>
        <p className="dim small">{t('signIn.browsingHint')}</p>
      </div>
      <Button variant="default" autoFocus onClick={() => cancel.run()} data-testid="browser-cancel">
        {t('signIn.browsingCancel')}
      </Button>
    </div>
  );
}
