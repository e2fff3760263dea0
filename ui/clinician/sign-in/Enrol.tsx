import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect, useState } from 'react';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import { BrowserWait } from './BrowserWait.tsx';
import css from './SignIn.module.css';

/** Characters of a password that no server counts wrong guesses of. */
const LOCAL_PASSWORD = 12;

/** Whether the server of this address offers to sign in with the organisation. */
function useOrganisation(server: string): boolean {
  const address = useDebounced(server.trim().replace(/\/+$/, ''), 400);
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    let gone = false;
    setOffered(false);
    if (/^https:\/\/./.test(address)) {
      ipc.signInWays(address).then(
        (ways) => !gone && setOffered(ways.organisation),
        // Whoever cannot be asked offers nothing; enrolling says why.
        () => undefined,
      );
    }
    return () => {
      gone = true;
    };
  }, [address]);
  return offered;
}

/** First contact of this computer with a server for one user. */
export function Enrol({
  server,
  first,
  browsing,
  onBack,
}: {
  server: string;
  first: boolean;
  /** The browser is waited for. */
  browsing: boolean;
  onBack: (() => void) | undefined;
}) {
  const { t } = useWords();
  const { take } = useSession();
  const form = useForm({
    initialValues: { server, username: '', password: '', code: '', organisation: false },
    validate: {
      server: (value) =>
        value.trim() === ''
          ? t('signIn.serverMissing')
          : value.trim().startsWith('https://')
            ? null
            : t('signIn.serverNotHttps'),
      username: (value) => (value.trim() === '' ? t('signIn.usernameMissing') : null),
      password: (value, { organisation }) =>
        organisation && value.length < LOCAL_PASSWORD
          ? t('signIn.localMissing')
          : value === ''
            ? t('signIn.passwordMissing')
            : null,
      code: (value) => (/^\d{6}$/.test(value.replace(/\s/g, '')) ? null : t('signIn.codeMissing')),
    },
  });
  const offered = useOrganisation(form.values.server);
  // What is no longer offered is not chosen either.
  const organisation = offered && form.values.organisation;
  const enrol = useAction(async (values: typeof form.values) => {
    const view = await ipc.enrol({
      server: values.server.trim().replace(/\/+$/, ''),
      username: values.username.trim(),
      password: values.password,
      code: values.code.replace(/\s/g, ''),
      organisation,
    });
    take(view);
  });
  return (
    <>
      <h1>{first ? t('signIn.firstTitle') : t('signIn.anotherTitle')}</h1>
      <p className={css.lead}>{t(organisation ? 'signIn.organisationLead' : 'signIn.firstLead')}</p>
      <form
        className={css.form}
        noValidate
        onSubmit={form.onSubmit(async (values) => {
          await enrol.run(values);
          form.setFieldValue('code', '');
        })}
      >
        <TextInput
          label={t('signIn.server')}
          placeholder="https://rounds.clinic.example"
          autoComplete="off"
          spellCheck={false}
          autoFocus={server === ''}
          data-testid="sign-in-server"
          {...form.getInputProps('server')}
        />
        <TextInput
          label={t('signIn.username')}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={server !== ''}
          data-testid="sign-in-username"
          {...form.getInputProps('username')}
        />
        {offered && (
          <fieldset className={css.ways} data-testid="sign-in-ways">
            <legend className="unseen">{t('signIn.way')}</legend>
            {[false, true].map((way) => (
              <label key={String(way)} className={css.person}>
                <input
                  type="radio"
                  name="way"
                  checked={organisation === way}
                  disabled={browsing}
                  onChange={() => {
                    form.setFieldValue('organisation', way);
                    form.setFieldValue('password', '');
                    form.clearErrors();
                    enrol.clear();
                  }}
                  data-testid={way ? 'sign-in-organisation' : 'sign-in-by-password'}
                />
                {t(way ? 'signIn.wayOrganisation' : 'signIn.wayPassword')}
              </label>
            ))}
          </fieldset>
        )}
        <PasswordInput
          label={t(organisation ? 'signIn.localNew' : 'signIn.password')}
          description={organisation ? t('signIn.localHint') : undefined}
          autoComplete="off"
          data-testid="sign-in-password"
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
          {...form.getInputProps('password')}
        />
        <TextInput
          label={t('signIn.code')}
          description={t('signIn.codeHint')}
          className={css.code}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={7}
          styles={{ wrapper: { width: 180 } }}
          data-testid="sign-in-code"
          {...form.getInputProps('code')}
        />
        {enrol.fault && <FaultNote fault={enrol.fault} compact />}
        {browsing ? (
          <BrowserWait />
        ) : (
          <div className={css.actions}>
            <Button type="submit" loading={enrol.running} fullWidth data-testid="sign-in-submit">
              {t(organisation ? 'signIn.byOrganisation' : 'signIn.enrol')}
            </Button>
            {onBack && (
              <Button variant="subtle" onClick={onBack} style={{ flex: 'none' }}>
                {t('signIn.backToUnlock')}
              </Button>
            )}
          </div>
        )}
      </form>
    </>
  );
}
