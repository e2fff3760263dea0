import { Button, PasswordInput } from '@mantine/core';
import { useRef, useState } from 'react';
import type { ProfileView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconUser } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import { BrowserWait } from './BrowserWait.tsx';
import css from './SignIn.module.css';

/** Opens a profile of this computer, on line or off; the place is where it was. */
export function Unlock({
  profiles,
  switching,
  browsing,
  onAnother,
}: {
  profiles: readonly ProfileView[];
  /** Somebody else is to work now: nobody is chosen beforehand. */
  switching: boolean;
  /** The browser is waited for. */
  browsing: boolean;
  onAnother: () => void;
}) {
  const { t } = useWords();
  const { take } = useSession();
  const [chosen, setChosen] = useState(switching && profiles.length > 1 ? null : 0);
  const [password, setPassword] = useState('');
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const profile = chosen === null ? undefined : (profiles[chosen] ?? profiles[0]);
  const unlock = useAction(async (who: ProfileView, secret: string) => {
    take(await ipc.unlock({ server: who.server, username: who.username, password: secret }));
  });
  // Told apart by their servers only where there are several.
  const servers = new Set(profiles.map((one) => one.server)).size;
  return (
    <>
      <h1>{t(switching ? 'switching.title' : 'signIn.unlockTitle')}</h1>
      <p className={css.lead}>{t(switching ? 'switching.lead' : 'signIn.unlockLead')}</p>
      <form
        className={css.form}
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          setMissing(password === '');
          if (password === '' || !profile) {
            return;
          }
          await unlock.run(profile, password);
          setPassword('');
          field.current?.focus();
        }}
      >
        {profiles.length === 1 && profile ? (
          <div className={css.who}>
            <IconUser size={18} aria-hidden />
            <div>
              <b className="one-line">{profile.username}</b>
              <span className="dim small one-line" style={{ display: 'block' }}>
                {profile.server}
              </span>
            </div>
          </div>
        ) : (
          <fieldset className={css.people} data-testid="unlock-who">
            <legend className="unseen">{t('signIn.who')}</legend>
            {profiles.map((one, index) => (
              <label key={`${one.server} ${one.username}`} className={css.person}>
                <input
                  type="radio"
                  name="who"
                  checked={chosen === index}
                  onChange={() => {
                    setChosen(index);
                    unlock.clear();
                  }}
                  onClick={() => field.current?.focus()}
                  data-testid="unlock-profile"
                  data-username={one.username}
                />
                <b className="one-line">{one.username}</b>
                {servers > 1 && (
                  <span className="dim small one-line">
                    {one.server.replace(/^https:\/\//, '')}
                  </span>
                )}
                {index === 0 && <span className="dim small">{t('signIn.lastUsed')}</span>}
              </label>
            ))}
          </fieldset>
        )}
        <PasswordInput
          ref={field}
          label={t(profile?.organisation ? 'signIn.local' : 'signIn.password')}
          autoComplete="off"
          autoFocus={profile !== undefined}
          value={password}
          onChange={(event) => {
            setPassword(event.currentTarget.value);
            setMissing(false);
          }}
          error={missing ? t('signIn.passwordMissing') : null}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
          data-testid="unlock-password"
        />
        {unlock.fault && <FaultNote fault={unlock.fault} compact />}
        {browsing ? (
          <BrowserWait />
        ) : (
          <div className={css.actions}>
            <Button
              type="submit"
              loading={unlock.running}
              disabled={!profile}
              fullWidth
              data-testid="unlock-submit"
            >
              {t('signIn.unlock')}
            </Button>
            <Button variant="subtle" onClick={onAnother} style={{ flex: 'none' }}>
              {t('signIn.another')}
            </Button>
          </div>
        )}
      </form>
    </>
  );
}
