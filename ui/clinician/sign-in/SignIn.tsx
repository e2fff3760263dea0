// First contact, and unlocking. One card in the middle: nothing else matters on this screen.
import { useState } from 'react';
import type { SessionView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useSwitchWanted } from '../frame/switching.ts';
import { Enrol } from './Enrol.tsx';
import css from './SignIn.module.css';
import { Unlock } from './Unlock.tsx';

/** Sign in for the first time, or unlock a profile of this computer. */
export function SignIn({ session }: { session: SessionView }) {
  const { t } = useWords();
  const [another, setAnother] = useState(false);
  const switching = useSwitchWanted();
  const known = session.profiles.length > 0;
  return (
    <main className={css.page} data-testid="sign-in">
      <div className={css.card}>
        <div className={css.brand} aria-hidden>
          <span>R</span>
          {t('app.name')}
        </div>
        {session.notice && (
          <div className={css.notice} data-testid="notice">
            <FaultNote fault={session.notice} compact />
          </div>
        )}
        {known && !another ? (
          <Unlock
            profiles={session.profiles}
            switching={switching}
            browsing={session.browsing}
            onAnother={() => setAnother(true)}
          />
        ) : (
          <Enrol
            server={session.server ?? session.profiles[0]?.server ?? ''}
            first={!known}
            browsing={session.browsing}
            onBack={known ? () => setAnother(false) : undefined}
          />
        )}
      </div>
      <p className={css.foot}>{t('signIn.footer')}</p>
    </main>
  );
}
