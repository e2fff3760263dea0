// Changing one's password: here and on the server at once, so on line alone; or, for those who
// sign in with the organisation, the one of this computer.
import { Button, PasswordInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import css from './SettingsScreen.module.css';

/** The form of the Settings screen. */
export function PasswordForm() {
  const { t } = useWords();
  const { take, sync, view } = useSession();
  const mine = view?.profiles.find(
    (profile) => profile.username === view.user?.username && profile.server === view.server,
  );
  // The password of this computer alone needs no server.
  const here = mine?.organisation ?? false;
  const ready = here || sync?.connection === 'online';
  const form = useForm({
    initialValues: { current: '', next: '', again: '' },
    validate: {
      current: (value) => (value === '' ? t('password.currentMissing') : null),
      next: (value) => (value === '' ? t('password.nextMissing') : null),
      again: (value, values) => (value === values.next ? null : t('password.againDiffers')),
    },
  });
  const change = useAction(async (current: string, next: string) => {
    take(await ipc.changePassword({ current, next }));
    notifications.show({ message: t(here ? 'password.changedHere' : 'password.changed') });
  });
  const shown = { visibilityToggleButtonProps: { 'aria-label': t('signIn.showPassword') } };
  return (
    <form
      className={css.rows}
      noValidate
      data-testid="password"
      onSubmit={form.onSubmit(async ({ current, next }) => {
        await change.run(current, next);
        // Whatever came of it, no password stays on the screen.
        form.reset();
      })}
    >
      <PasswordInput
        label={t('password.current')}
        autoComplete="off"
        data-testid="password-current"
        {...shown}
        {...form.getInputProps('current')}
      />
      <PasswordInput
        label={t('password.next')}
        autoComplete="off"
        data-testid="password-next"
        {...shown}
        {...form.getInputProps('next')}
      />
      <PasswordInput
        label={t('password.again')}
        autoComplete="off"
        data-testid="password-again"
        {...shown}
        {...form.getInputProps('again')}
      />
      {change.fault && <FaultNote fault={change.fault} compact />}
      {here && <p className="dim small">{t('password.here')}</p>}
      {!ready && <p className="dim small">{t('password.offline')}</p>}
      <Button
        type="submit"
        variant="default"
        style={{ justifySelf: 'start' }}
        loading={change.running}
        disabled={!ready}
        data-testid="password-submit"
      >
        {t('password.submit')}
      </Button>
    </form>
  );
}
