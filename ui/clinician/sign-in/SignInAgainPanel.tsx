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
import { BrowserWait } from './BrowserWait.tsx';

/** The server ended the session while work went on: password or organisation takes it up again. */
export function SignInAgainPanel() {
  const { t } = useWords();
  const { user } = useClinic();
  const { view, take } = useSession();
  const { close } = useWorkspace();
  const [password, setPassword] = useState('');
  const mine = view?.profiles.find(
    (profile) => profile.username === user.username && profile.server === view.server,
  );
  const browse = useAction(async () => {
    take(await ipc.signInAgain());
    close();
  });
  const again = useAction(async () => {
    take(await ipc.unlock({ server: view?.server ?? '', username: user.username, password }));
    close();
  });
  if (mine?.organisation) {
    return (
      <Panel title={t('signIn.again')} aside={user.username}>
        <div style={{ display: 'grid', gap: 16 }}>
          <p className="dim">{t('signIn.againOrganisation')}</p>
          {browse.fault && <FaultNote fault={browse.fault} compact />}
          {view?.browsing ? (
            <BrowserWait />
          ) : (
            <Button
              autoFocus
              onClick={() => browse.run()}
              loading={browse.running}
              data-testid="again-organisation"
            >
              {t('signIn.byOrganisation')}
            </Button>
          )}
        </div>
      </Panel>
    );
  }
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
