// What guards the record: closed records, who looked, the audit, reviews, the ledger.
import { screen, waitFor, within } from '@testing-library/react';
import { act } from 'react';
import { describe, expect, it } from 'vitest';
import type { ReportForm } from '../shared/bindings.ts';
import type { FakeClinic } from './fake/clinic.ts';
import { ledgerOf } from './fake/office.ts';
import { expectAccessible, openWindow } from './window.tsx';

type User = ReturnType<typeof openWindow>['user'];

/** Opens a chart by the one search. */
async function openChart(user: User, letters: string): Promise<void> {
  await screen.findByTestId('today');
  await user.keyboard('{Control>}k{/Control}');
  await user.type(await screen.findByTestId('find-query'), `${letters}{Enter}`);
  await screen.findByTestId('screen-chart');
}

/** The last question of a kind. */
function last(fake: FakeClinic, command: string): Record<string, unknown> | undefined {
  return fake.calls.filter((call) => call.command === command).at(-1)?.args;
}

function asked(fake: FakeClinic): ReportForm {
  return last(fake, 'access_report')?.query as ReportForm;
}

describe('a record that is closed', () => {
  it('asks for a reason, shows nobody, then opens what was asked for', async () => {
    const { user, fake } = openWindow({ closed: { 'pat-1': 'needs-justification' } });
    await openChart(user, 'ada ok');
    const closed = await screen.findByTestId('closed-justify');
    const main = screen.getByTestId('screen-chart');
    expect(closed.textContent).toContain('You have no relationship with this patient.');
    expect(main.textContent).not.toContain('Okafor');
    const reason = screen.getByTestId('closed-reason');
    await waitFor(() => expect(document.activeElement).toBe(reason));
    await expectAccessible();
    await user.type(reason, ' a ');
    await user.click(screen.getByTestId('closed-open'));
    expect(screen.getByText('Give a reason of at least 3 characters')).toBeTruthy();
    expect(fake.count('justify_access')).toBe(0);
    await user.clear(reason);
    await user.click(within(closed).getByRole('button', { name: 'Covering for a colleague' }));
    await user.type(reason, ' this week ');
    await user.click(screen.getByTestId('closed-open'));
    expect(await screen.findByTestId('chart-name')).toBeTruthy();
    expect(last(fake, 'justify_access')?.form).toEqual({
      patient: 'pat-1',
      reason: 'Covering for a colleague this week',
    });
    expect(fake.count('open_chart')).toBe(2);
    expect(screen.getByTestId('chart-granted').dataset.kind).toBe('justified');
  });

  it('opens in an emergency by reason and password, and says until when', async () => {
    const { user, fake } = openWindow({ closed: { 'pat-1': 'needs-emergency' } });
    await openChart(user, 'ada ok');
    const closed = await screen.findByTestId('closed-emergency');
    expect(closed.textContent).toContain('The security officer is told');
    expect(closed.textContent).toContain('two hours');
    await expectAccessible();
    await user.type(screen.getByTestId('closed-reason'), 'Unconscious after a fall');
    await user.click(screen.getByTestId('closed-open-emergency'));
    expect(screen.getByText('Enter your password')).toBeTruthy();
    expect(fake.count('emergency_access')).toBe(0);
    const password = screen.getByTestId('closed-password') as HTMLInputElement;
    await user.type(password, 'wrong{Enter}');
    expect(await screen.findByText('It did not work: password-wrong.')).toBeTruthy();
    expect(password.value).toBe('');
    await user.type(password, 'right{Enter}');
    expect(await screen.findByTestId('chart-name')).toBeTruthy();
    // Two hours after 10:34 in the clinic.
    expect(screen.getByTestId('chart-granted').textContent).toBe('Emergency access until 12:34');
  });

  it('says how many are left off line, and that the officer is told later', async () => {
    const { user } = openWindow({
      connection: 'offline',
      closed: { 'pat-1': 'needs-emergency' },
    });
    await openChart(user, 'ada ok');
    const closed = await screen.findByTestId('closed-emergency');
    expect(closed.textContent).toContain('2 emergency accesses are left');
    expect(closed.textContent).toContain('as soon as this computer reaches the server');
  });

  it('offers no emergency to a role that has none', async () => {
    const { user, fake } = openWindow({ closed: { 'pat-1': 'needs-emergency' } });
    await screen.findByTestId('today');
    const who = fake.user();
    const abilities = who.abilities.filter((ability) => ability !== 'emergency-access');
    act(() => fake.tellSession({ user: { ...who, abilities } }));
    await openChart(user, 'ada ok');
    expect(await screen.findByText(/Your role has no emergency access/)).toBeTruthy();
    expect(screen.queryByTestId('closed-password')).toBeNull();
  });

  it('keeps what was typed in a panel while the reason is given, then saves it', async () => {
    const { user, fake } = openWindow();
    await openChart(user, 'ada ok');
    await user.click(await screen.findByTestId('chart-vitals'));
    await user.type(await screen.findByTestId('vitals-heartRate'), '72');
    fake.setting.closed = { 'pat-1': 'needs-justification' };
    await user.click(screen.getByTestId('vitals-save'));
    await user.type(await screen.findByTestId('closed-reason'), 'Measured on the ward');
    await user.click(screen.getByTestId('closed-open'));
    await waitFor(() => expect(fake.count('add_vitals')).toBe(2));
    expect(last(fake, 'add_vitals')?.form).toMatchObject({ heartRate: 72 });
    await waitFor(() => expect(screen.queryByTestId('vitals-panel')).toBeNull());
  });

  it('asks for the record again, once, when the time is over', async () => {
    const { user, fake } = openWindow();
    const until = '2026-11-24T15:34:00Z';
    fake.granted.set('pat-1', { kind: 'emergency', until });
    await openChart(user, 'ada ok');
    await waitFor(() => expect(fake.count('open_chart')).toBe(2));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(fake.count('open_chart')).toBe(2);
  });

  it('takes a chart from the screen once it is closed', async () => {
    const { user, fake } = openWindow();
    await openChart(user, 'ada ok');
    await screen.findByTestId('chart-name');
    fake.setting.closed = { 'pat-1': 'needs-emergency' };
    act(() => fake.tellData(['Consent', 'Patient'], ['pat-1']));
    expect(await screen.findByTestId('closed-emergency')).toBeTruthy();
    expect(screen.getByTestId('screen-chart').textContent).not.toContain('Okafor');
  });
});

describe('Who looked', () => {
  it('lists who, when, why and from where, and opens a line beside it', async () => {
    const { user, fake } = openWindow();
    await openChart(user, 'ada ok');
    await user.click(await screen.findByTestId('chart-tab-who-looked'));
    const rows = await screen.findAllByTestId('who-looked-row');
    expect(rows[0]?.textContent).toContain('Nov 24, 2026, 10:31');
    expect(rows[0]?.textContent).toContain('You are assigned to this patient.');
    expect(screen.getByTestId('who-looked').textContent).toContain('Refused');
    expect(last(fake, 'who_looked')).toEqual({ patient: 'pat-1', cursor: null });
    await expectAccessible();
    await user.click(rows[1] as HTMLElement);
    const panel = await screen.findByTestId('access-row');
    expect(panel.textContent).toContain('10.4.2.');
    // Filtering the audit is for who may read it.
    expect(screen.queryByTestId('only-user')).toBeNull();
  });

  it('says off line what it is, and comes by itself once the server is there', async () => {
    const { user, fake } = openWindow({ connection: 'offline' });
    await openChart(user, 'ada ok');
    await user.click(await screen.findByTestId('chart-tab-who-looked'));
    expect(await screen.findByText(/Who looked is kept by the server/)).toBeTruthy();
    expect(screen.queryByTestId('fault')).toBeNull();
    act(() => fake.tellSync({ connection: 'online' }));
    expect((await screen.findAllByTestId('who-looked-row')).length).toBeGreaterThan(3);
  });
});

describe('Audit', () => {
  it('is where an auditor begins, who has no patients', async () => {
    const { user, fake } = openWindow({ role: 'auditor' });
    expect((await screen.findAllByTestId('audit-row')).length).toBeGreaterThan(5);
    for (const none of ['today', 'patients', 'schedule', 'inbox', 'reviews']) {
      expect(screen.queryByTestId(`rail-${none}`)).toBeNull();
    }
    expect(fake.count('today')).toBe(0);
    // The one search asks for no patient either.
    await user.keyboard('{Control>}k{/Control}');
    await user.type(await screen.findByTestId('find-query'), 'set{Enter}');
    expect(await screen.findByTestId('settings')).toBeTruthy();
    expect(fake.count('find_patients')).toBe(0);
    await user.keyboard('{Alt>}1{/Alt}');
    expect(await screen.findByTestId('audit')).toBeTruthy();
    expect(asked(fake)).toMatchObject({
      from: '2026-11-18T00:00:00-05:00',
      until: null,
      sort: 'recorded',
      ascending: false,
    });
    await expectAccessible();
  });

  it('sorts by each heading, and says so to a screen reader', async () => {
    const { user, fake } = openWindow({ role: 'auditor' });
    await screen.findAllByTestId('audit-row');
    for (const by of ['user', 'role', 'action', 'outcome', 'patient', 'device'] as const) {
      await user.click(screen.getByTestId(`sort-${by}`));
      await waitFor(() => expect(asked(fake)).toMatchObject({ sort: by, ascending: true }));
    }
    await user.click(screen.getByTestId('sort-device'));
    await waitFor(() => expect(asked(fake)).toMatchObject({ sort: 'device', ascending: false }));
    const heading = screen.getByTestId('sort-device').closest('[role="columnheader"]');
    expect(heading?.getAttribute('aria-sort')).toBe('descending');
  });

  it('filters by action, outcome, a person that rows have named, and clears', async () => {
    const { user, fake } = openWindow({ role: 'auditor' });
    await screen.findAllByTestId('audit-row');
    await user.selectOptions(screen.getByTestId('audit-action'), 'note-read');
    await user.selectOptions(screen.getByTestId('audit-outcome'), 'done');
    await user.type(screen.getByTestId('audit-user'), 'hana{Enter}');
    await waitFor(() =>
      expect(asked(fake)).toMatchObject({ user: 'user-4', action: 'note-read', success: true }),
    );
    await user.type(screen.getByTestId('audit-patient'), 'someone-unseen{Enter}');
    await waitFor(() => expect(asked(fake).patient).toBe('someone-unseen'));
    expect(await screen.findByText('Nothing fits these filters')).toBeTruthy();
    await expectAccessible();
    await user.click(screen.getByTestId('audit-clear'));
    await waitFor(() => expect(asked(fake)).toMatchObject({ user: null, action: null }));
  });

  it('opens a row by Enter, and asks for more like it', async () => {
    const { user, fake } = openWindow({ role: 'auditor' });
    await screen.findAllByTestId('audit-row');
    screen.getByRole('grid').focus();
    await user.keyboard('{ArrowDown}{Enter}');
    const panel = await screen.findByTestId('access-row');
    expect(within(panel).getByText('event-1')).toBeTruthy();
    await user.click(screen.getByTestId('only-patient'));
    await waitFor(() => expect(asked(fake).patient).toBe('pat-2'));
    expect((screen.getByTestId('audit-patient') as HTMLInputElement).value).toContain('Barthol');
  });

  it('exports what is asked for, and says where to and that it is not encrypted', async () => {
    const { user, fake } = openWindow({ role: 'auditor' });
    await screen.findAllByTestId('audit-row');
    await user.click(await screen.findByTestId('export-csv'));
    const said = await screen.findByTestId('exported');
    expect(said.textContent).toContain('/home/imani/Downloads/rounds-accesses-2026-11-24.csv');
    expect(said.textContent).toContain('not encrypted');
    expect(last(fake, 'export_report')).toMatchObject({
      format: 'csv',
      query: { from: '2026-11-18T00:00:00-05:00', cursor: null },
    });
  });

  it('shows nothing of the audit after a lock', async () => {
    const { user, container } = openWindow({ role: 'auditor' });
    const rows = await screen.findAllByTestId('audit-row');
    await user.click(rows[0] as HTMLElement);
    await screen.findByTestId('access-row');
    await user.keyboard('{Control>}l{/Control}');
    await screen.findByTestId('sign-in');
    expect(container.ownerDocument.body.textContent).not.toContain('Okafor');
    await user.type(screen.getByTestId('unlock-password'), 'right{Enter}');
    await screen.findAllByTestId('audit-row');
    expect(screen.queryByTestId('workspace')).toBeNull();
  });
});

describe('Needs review', () => {
  it('counts what is open, shows the audit behind it, closes with a finding', async () => {
    const { user, fake } = openWindow({ role: 'security-officer' });
    await waitFor(() => expect(screen.getByTestId('rail-count-reviews').textContent).toBe('2'));
    await user.click(screen.getByTestId('rail-reviews'));
    const rows = await screen.findAllByTestId('review-row');
    expect(rows.map((row) => row.dataset.kind)).toEqual(['emergency', 'chain-broken']);
    expect(rows[0]?.textContent).toContain('36 minutes ago');
    await expectAccessible();
    await user.click(rows[0] as HTMLElement);
    await screen.findByTestId('review');
    await waitFor(() => expect(asked(fake)).toMatchObject({ user: 'user-4', patient: 'pat-4' }));
    await user.click(screen.getByTestId('review-submit'));
    expect(screen.getByText('Choose what you found')).toBeTruthy();
    expect(fake.count('close_review')).toBe(0);
    await user.click(screen.getByTestId('finding-justified'));
    await user.type(screen.getByTestId('review-words'), 'Asked the ward: it was so.');
    await expectAccessible();
    await user.click(screen.getByTestId('review-submit'));
    await waitFor(() =>
      expect(last(fake, 'close_review')?.form).toEqual({
        id: 'review-1',
        finding: 'justified',
        words: 'Asked the ward: it was so.',
      }),
    );
    await waitFor(() => expect(screen.getByTestId('rail-count-reviews').textContent).toBe('1'));
    await user.click(within(screen.getByTestId('reviews-which')).getByText('Closed'));
    await waitFor(() => expect(screen.getAllByTestId('review-row')).toHaveLength(2));
    await user.click(screen.getAllByTestId('review-row')[0] as HTMLElement);
    expect((await screen.findByTestId('review-closed')).textContent).toContain('Asked the ward');
  });
});

describe('the ledger', () => {
  it('is loud on every screen when it does not continue, and locks nothing', async () => {
    const { user, fake } = openWindow();
    await screen.findByTestId('today');
    expect(screen.queryByTestId('ledger-alarm')).toBeNull();
    act(() => fake.tellSync({ ledger: ledgerOf('broken') }));
    for (const place of ['patients', 'inbox', 'activity', 'settings', 'today']) {
      await user.click(screen.getByTestId(`rail-${place}`));
      const alarm = await screen.findByTestId('ledger-alarm');
      expect(alarm.textContent).toContain('184,050 entries');
      expect(alarm.textContent).toContain('Tell your security officer now');
    }
    await screen.findAllByTestId('appointment-row');
    await expectAccessible();
  });

  it('says on every screen that the server was restored, and why', async () => {
    const { user, fake } = openWindow();
    await screen.findByTestId('today');
    act(() => fake.tellSync({ ledger: ledgerOf('restored') }));
    for (const place of ['patients', 'today']) {
      await user.click(screen.getByTestId(`rail-${place}`));
      const said = await screen.findByTestId('ledger-restored');
      expect(said.textContent).toContain('the disk failed');
      expect(said.textContent).toContain('162 are lost there');
      expect(screen.queryByTestId('ledger-alarm')).toBeNull();
    }
    await user.click(screen.getByTestId('rail-settings'));
    expect((await screen.findByTestId('ledger-state')).textContent).toContain('the disk failed');
    await expectAccessible();
  });

  it('says when it was verified, and how much', async () => {
    const { user } = openWindow();
    await user.click(await screen.findByTestId('rail-settings'));
    const said = await screen.findByTestId('ledger-state');
    expect(said.textContent).toContain('184,212 entries, verified 10:31');
  });
});
