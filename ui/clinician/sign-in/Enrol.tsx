import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import css from './SignIn.module.css';

/** First contact of this computer with a server for one user. */
export function Enrol({
  server,
  first,
  onBack,
}: {
  server: string;
  first: boolean;
  onBack: (() => void) | undefined;
}) {
  const { t } = useWords();
  const { take } = useSession();
  const form = useForm({
    initialValues: { server, username: '', password: '', code: '' },
    validate: {
      server: (value) =>
        value.trim() === ''
          ? t('signIn.serverMissing')
          : value.trim().startsWith('https://')
            ? null
            : t('signIn.serverNotHttps'),
      username: (value) => (value.trim() === '' ? t('signIn.usernameMissing') : null),
      password: (value) => (value === '' ? t('signIn.passwordMissing') : null),
      code: (value) => (/^\d{6}$/.test(value.replace(/\s/g, '')) ? null : t('signIn.codeMissing')),
    },
  });
  const enrol = useAction(async (values: typeof form.values) => {
    const view = await ipc.enrol({
      server: values.server.trim().replace(/\/+$/, ''),
      username: values.username.trim(),
      password: values.password,
      code: values.code.replace(/\s/g, ''),
    });
    take(view);
  });
  return (
    <>
      <h1>{first ? t('signIn.firstTitle') : t('signIn.anotherTitle')}</h1>
      <p className={css.lead}>{t('signIn.firstLead')}</p>
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
        <PasswordInput
          label={t('signIn.password')}
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
        <div className={css.actions}>
          <Button type="submit" loading={enrol.running} fullWidth data-testid="sign-in-submit">
            {t('signIn.enrol')}
          </Button>
          {onBack && (
            <Button variant="subtle" onClick={onBack} style={{ flex: 'none' }}>
              {t('signIn.backToUnlock')}
            </Button>
          )}
        </div>
      </form>
    </>
  );
}
