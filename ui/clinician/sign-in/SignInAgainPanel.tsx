import { Button, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useSession } from '../frame/session.tsx';
import { useWorkspace } from '../frame/workspace.tsx';

/** The server ended the session while work went on: the password takes it up again. */
export function SignInAgainPanel() {
  const { t } = useWords();
  const { user } = useClinic();
  const { view, take } = useSession();
  const { close } = useWorkspace();
  const [password, setPassword] = useState('');
  const again = useAction(async () => {
    take(await ipc.unlock({ server: view?.server ?? '', username: user.username, password }));
    close();
  });
  return (
    <Panel title={t('signIn.again')} aside={user.username}>
      <form
        style={{ display: 'grid', gap: 16 }}
        onSubmit={async (event) => {
          event.preventDefault();
          if (password !== '') {
            await again.run();
            setPassword('');
          }
        }}
      >
        <p className="dim">{t('signIn.againLead')}</p>
        <PasswordInput
          label={t('signIn.password')}
          autoComplete="off"
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
          data-testid="again-password"
        />
        {again.fault && <FaultNote fault={again.fault} compact />}
        <Button type="submit" loading={again.running} data-testid="again-submit">
          {t('signIn.submit')}
        </Button>
      </form>
    </Panel>
  );
}
