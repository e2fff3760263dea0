import { Button, NativeSelect, PasswordInput } from '@mantine/core';
import { useRef, useState } from 'react';
import type { ProfileView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconUser } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import css from './SignIn.module.css';

/** Opens a profile of this computer, on line or off; the place is where it was. */
export function Unlock({
  profiles,
  onAnother,
}: {
  profiles: readonly ProfileView[];
  onAnother: () => void;
}) {
  const { t } = useWords();
  const { take } = useSession();
  const [chosen, setChosen] = useState(0);
  const [password, setPassword] = useState('');
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const profile = profiles[chosen] ?? profiles[0];
  const unlock = useAction(async (who: ProfileView, secret: string) => {
    take(await ipc.unlock({ server: who.server, username: who.username, password: secret }));
  });
  if (!profile) {
    return null;
  }
  return (
    <>
      <h1>{t('signIn.unlockTitle')}</h1>
      <p className={css.lead}>{t('signIn.unlockLead')}</p>
      <form
        className={css.form}
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          setMissing(password === '');
          if (password === '') {
            return;
          }
          await unlock.run(profile, password);
          setPassword('');
          field.current?.focus();
        }}
      >
        {profiles.length === 1 ? (
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
          <NativeSelect
            label={t('signIn.who')}
            value={String(chosen)}
            onChange={(event) => setChosen(Number(event.currentTarget.value))}
            data={profiles.map((p, index) => ({
              value: String(index),
              label: `${p.username} · ${p.server.replace(/^https:\/\//, '')}`,
            }))}
            data-testid="unlock-who"
          />
        )}
        <PasswordInput
          ref={field}
          label={t('signIn.password')}
          autoComplete="off"
          autoFocus
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
        <div className={css.actions}>
          <Button type="submit" loading={unlock.running} fullWidth data-testid="unlock-submit">
            {t('signIn.unlock')}
          </Button>
          <Button variant="subtle" onClick={onAnother} style={{ flex: 'none' }}>
            {t('signIn.another')}
          </Button>
        </div>
      </form>
    </>
  );
}
