// Settings: few, and each takes effect at once.
import { Button, NativeSelect, SegmentedControl } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import type { SettingsForm, SettingsView, Theme } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconLock, IconLogout } from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useRoleWords } from '../../shared/hooks/use-names.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { LedgerWords } from '../frame/LedgerWords.tsx';
import { useLock } from '../frame/lock.ts';
import { wear } from '../frame/look.ts';
import { useSession } from '../frame/session.tsx';
import { PasswordForm } from './PasswordForm.tsx';
import { RehearsalCard } from './RehearsalCard.tsx';
import css from './SettingsScreen.module.css';

const MINUTES = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60];

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={css.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function size(bytes: number | null, locale: string): string {
  if (bytes === null) {
    return '';
  }
  const megabytes = bytes / 1_000_000;
  const shown = new Intl.NumberFormat(locale, { maximumFractionDigits: megabytes < 10 ? 1 : 0 });
  return `${shown.format(megabytes)} MB`;
}

function Choices({ view, onSaved }: { view: SettingsView; onSaved: () => void }) {
  const { t } = useWords();
  const themeLabel = useId();
  const save = useAction(async (form: SettingsForm) => {
    await ipc.saveSettings(form);
    wear(form.theme);
    onSaved();
  });
  const minutes = [...new Set([...MINUTES, view.idleMinutes, view.idleMinutesMax])]
    .filter((count) => count >= 1 && count <= view.idleMinutesMax)
    .sort((a, b) => a - b);
  return (
    <Card title={t('settings.look')}>
      <div className={css.rows}>
        <div className={css.row}>
          <span id={themeLabel}>{t('settings.theme')}</span>
          <SegmentedControl
            aria-labelledby={themeLabel}
            value={view.theme}
            disabled={save.running}
            onChange={(theme) => save.run({ theme: theme as Theme, idleMinutes: view.idleMinutes })}
            data={(['system', 'light', 'dark'] as const).map((theme) => ({
              value: theme,
              label: t(`settings.themes.${theme}`),
            }))}
            data-testid="settings-theme"
          />
        </div>
        <div className={css.row}>
          <div>
            <label htmlFor="settings-idle">{t('settings.idle')}</label>
            <p className="dim small">{t('settings.idleHint', { max: view.idleMinutesMax })}</p>
          </div>
          <NativeSelect
            id="settings-idle"
            value={String(view.idleMinutes)}
            disabled={save.running}
            onChange={(event) =>
              save.run({ theme: view.theme, idleMinutes: Number(event.currentTarget.value) })
            }
            data={minutes.map((count) => ({
              value: String(count),
              label: t('settings.idleMinutes', { count }),
            }))}
            data-testid="settings-idle"
          />
        </div>
        {save.fault && <FaultNote fault={save.fault} compact />}
      </div>
    </Card>
  );
}

/** The Settings screen. */
export function SettingsScreen() {
  const { t } = useWords();
  const { user, time, can } = useClinic();
  const { take, sync } = useSession();
  const lock = useLock();
  const settings = useView({
    key: ['settings'],
    read: () => ipc.settingsView(),
    on: { types: [] },
  });
  const signOut = useAction(async () => take(await ipc.signOut()));
  const view = settings.data;
  const role = useRoleWords()(user.role);
  return (
    <Page title={t('settings.title')} testId="settings">
      {settings.error && !view && (
        <FaultNote fault={faultOf(settings.error)} again={() => settings.refetch()} />
      )}
      {!view && !settings.error && <SkeletonRows rows={6} columns={[3, 4]} height={40} />}
      {view && (
        <div className={css.columns}>
          <Choices view={view} onSaved={() => settings.refetch()} />
          <Card title={t('settings.account')}>
            <dl className={css.facts}>
              <Fact name={t('signIn.username')}>
                <bdi>{user.displayName}</bdi>, {role} ({user.username})
              </Fact>
              <Fact name={t('settings.clinic')}>{user.clinic}</Fact>
              <Fact name={t('settings.zone')}>{user.timeZone}</Fact>
            </dl>
            <div className={css.act}>
              <div className={css.buttons}>
                <Button
                  variant="default"
                  leftSection={<IconLock size={16} aria-hidden />}
                  onClick={lock}
                >
                  {t('settings.lockNow')}
                </Button>
                <Button
                  variant="default"
                  leftSection={<IconLogout size={16} aria-hidden />}
                  loading={signOut.running}
                  onClick={() => signOut.run()}
                  data-testid="sign-out"
                >
                  {t('settings.signOut')}
                </Button>
              </div>
              <p className="dim small">{t('settings.signOutHint')}</p>
              {signOut.fault && <FaultNote fault={signOut.fault} compact />}
            </div>
          </Card>
          <Card title={t('password.title')}>
            <PasswordForm />
          </Card>
          {can('rehearse') && <RehearsalCard />}
          <Card title={t('settings.computer')}>
            <dl className={css.facts}>
              <Fact name={t('settings.server')}>{view.server}</Fact>
              <Fact name={t('settings.records')}>
                <span className="num">
                  {new Intl.NumberFormat(time.locale).format(view.records)}
                </span>
              </Fact>
              <Fact name={t('settings.size')}>
                <span className="num">{size(view.cacheBytes, time.locale)}</span>
              </Fact>
              <Fact name={t('settings.keychain')}>{view.keychain}</Fact>
              <Fact name={t('settings.device')}>{view.device}</Fact>
              <Fact name={t('settings.folder')}>{view.profileFolder}</Fact>
              {sync?.ledger && (
                <Fact name={t('ledger.title')}>
                  <LedgerWords ledger={sync.ledger} inline />
                </Fact>
              )}
              <Fact name={t('settings.version')}>{view.version}</Fact>
            </dl>
          </Card>
        </div>
      )}
    </Page>
  );
}
