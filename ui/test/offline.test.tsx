import { screen, waitFor, within } from '@testing-library/react';
import { act } from 'react';
import { describe, expect, it } from 'vitest';
import { fault } from './fake/clinic.ts';
import { expectAccessible, openWindow } from './window.tsx';

describe('needs you', () => {
  it('says who wrote each side, and combines them element by element by keyboard', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-inbox'));
    const conflict = await screen.findByTestId('conflict');
    expect(conflict.textContent).toContain('Dr. Maren Lindqvist, written here');
    expect(conflict.textContent).toContain('Jonas Weber, written elsewhere');
    await user.click(within(conflict).getByTestId('combine'));
    const save = within(conflict).getByTestId('combine-save') as HTMLButtonElement;
    expect(save.disabled).toBe(true);
    expect(conflict.textContent).toContain('2 elements still need a side');
    const theirs = within(conflict).getByRole('radio', {
      name: 'Telecom · value: take theirs',
    });
    theirs.focus();
    await user.keyboard(' ');
    await user.click(within(conflict).getByRole('radio', { name: 'Address · line: take yours' }));
    const results = within(conflict)
      .getAllByTestId('result')
      .map((cell) => cell.textContent);
    expect(results).toEqual(['(555) 0177-9020', '4 Mill Lane, flat 2', '03802']);
    await expectAccessible();
    await user.click(save);
    await waitFor(() => expect(screen.queryByTestId('conflict')).toBeNull());
    expect(fake.calls.find((call) => call.command === 'combine_conflict')?.args.form).toEqual({
      id: 'conflict-1',
      fields: [
        { path: 'Patient.telecom[0].value', side: 'theirs' },
        { path: 'Patient.address[0].line', side: 'mine' },
      ],
    });
  });

  it('names what could not be read, since when, and fetches it again', async () => {
    const { user, fake } = openWindow();
    expect((await screen.findByTestId('rail-count-inbox')).textContent).toBe('5');
    await user.click(screen.getByTestId('rail-inbox'));
    const entry = await screen.findByTestId('unreadable');
    expect(entry.textContent).toContain('Observation/obs-77');
    expect(entry.textContent).toMatch(/ago/);
    await user.click(within(entry).getByTestId('fetch-again'));
    await waitFor(() => expect(screen.queryByTestId('unreadable')).toBeNull());
    expect(fake.count('fetch_again')).toBe(1);
    expect(screen.getByTestId('rail-count-inbox').textContent).toBe('4');
  });

  it('s5: says what became of work whose chart left, and takes it off the list', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-inbox'));
    const entry = await screen.findByTestId('set-aside');
    expect(entry.textContent).toContain('2 changes, 1 draft · Wanjiru Kamau');
    expect(entry.textContent).toContain('the server has it');
    await user.click(within(entry).getByTestId('set-aside-noted'));
    await waitFor(() => expect(screen.queryByTestId('set-aside')).toBeNull());
    expect(fake.count('note_set_aside')).toBe(1);
  });

  it('shows why it could not be fetched beside the entry', async () => {
    const { user } = openWindow({ faults: { fetch_again: fault('offline') } });
    await user.click(await screen.findByTestId('rail-inbox'));
    const entry = await screen.findByTestId('unreadable');
    await user.click(within(entry).getByTestId('fetch-again'));
    expect((await within(entry).findByTestId('fault')).textContent).toContain('offline');
  });

  it('says what would be here when nothing is', async () => {
    const { user } = openWindow({ empty: true });
    await user.click(await screen.findByTestId('rail-inbox'));
    expect((await screen.findByTestId('empty')).textContent).toContain('Nothing needs you');
    expect(screen.queryByTestId('rail-count-inbox')).toBeNull();
  });
});

describe('off line', () => {
  it('s7: never says up to date while anything waits, whatever the line does', async () => {
    const { fake } = openWindow({ empty: true });
    const upToDate = () => screen.queryByTestId('status-up-to-date');
    await screen.findByTestId('status-up-to-date');
    const states = ['connecting', 'online', 'offline', 'sign-in-needed'] as const;
    for (const connection of states) {
      for (const waiting of [{ toSend: 1 }, { auditToSend: 1 }, { needsYou: 1 }]) {
        const nothing = { toSend: 0, auditToSend: 0, needsYou: 0 };
        act(() => fake.tellSync({ connection, ...nothing, ...waiting }));
        await waitFor(() => expect(upToDate()).toBeNull());
        await waitFor(() =>
          expect(screen.getByTestId('status').dataset.connection).toBe(connection),
        );
      }
    }
    act(() => fake.tellSync({ connection: 'offline', needsYou: 0, toSend: 0, auditToSend: 0 }));
    await waitFor(() => expect(screen.getByTestId('status').dataset.needsYou).toBe('0'));
    expect(upToDate()).toBeNull();
    act(() => fake.tellSync({ connection: 'online' }));
    await waitFor(() => expect(upToDate()).toBeTruthy());
    act(() => fake.tellSync({ first: { done: 1, total: 2, stopped: false } }));
    await waitFor(() => expect(upToDate()).toBeNull());
    act(() => fake.tellSync({ first: null, fault: fault('server-refused') }));
    expect((await screen.findByRole('alert')).textContent).toContain('server-refused');
    expect(upToDate()).toBeNull();
    act(() => fake.tellSync({ fault: null }));
    await waitFor(() => expect(upToDate()).toBeTruthy());
  });

  it('says until when work may go on, amber only once that is near', async () => {
    const { fake } = openWindow();
    expect((await screen.findByTestId('status-lease')).textContent).toBe(
      'off-line work allowed until Fri 14:00',
    );
    expect(screen.queryByTestId('offline-banner')).toBeNull();
    act(() => fake.tellSync({ connection: 'offline' }));
    const banner = await screen.findByTestId('offline-banner');
    expect(banner.textContent).toContain('Allowed until Fri 14:00, 2 days left.');
    expect(banner.dataset.warns).toBeUndefined();
    await expectAccessible();
    act(() => fake.tellSync({ lease: { state: 'ending', until: 'Tue 21:40', minutesLeft: 666 } }));
    await waitFor(() => expect(banner.dataset.warns).toBe('true'));
    expect(banner.textContent).toContain('11 h 6 min left');
    act(() => fake.tellSync({ connection: 'online' }));
    await waitFor(() => expect(screen.queryByTestId('offline-banner')).toBeNull());
    // On line it begins anew with every contact: the bar says so and nothing warns on top.
    expect(screen.getByTestId('status-lease').textContent).toContain('Tue 21:40');
  });
});

describe('another person', () => {
  it('switches in two steps, and nothing of one is seen by the other', async () => {
    const { user, container } = openWindow({ profiles: 2 });
    await user.click(await screen.findByTestId('rail-patients'));
    await screen.findAllByText('Ada Okafor');
    await user.click(screen.getByTestId('switch-user'));
    expect(await screen.findByText('Who works now?')).toBeTruthy();
    expect(container.ownerDocument.body.textContent).not.toContain('Ada Okafor');
    const people = screen.getAllByTestId('unlock-profile') as HTMLInputElement[];
    expect(people.map((one) => one.dataset.username)).toEqual(['mlindqvist', 'tekwueme']);
    expect(people.some((one) => one.checked)).toBe(false);
    expect((screen.getByTestId('unlock-submit') as HTMLButtonElement).disabled).toBe(true);
    await expectAccessible();
    await user.click(people[1] as HTMLInputElement);
    expect(document.activeElement).toBe(screen.getByTestId('unlock-password'));
    await user.keyboard('right{Enter}');
    // Somebody else begins where their own day begins.
    expect(await screen.findByTestId('today')).toBeTruthy();
    await user.click(screen.getByTestId('switch-user'));
    await user.click((await screen.findAllByTestId('unlock-profile'))[0] as HTMLInputElement);
    await user.keyboard('right{Enter}');
    expect(await screen.findByTestId('patients')).toBeTruthy();
  });

  it('locks for the same person as ever', async () => {
    const { user } = openWindow({ profiles: 2 });
    await screen.findByTestId('today');
    await user.keyboard('{Control>}l{/Control}');
    expect(await screen.findByText('Your work is where you left it.')).toBeTruthy();
    expect((screen.getAllByTestId('unlock-profile')[0] as HTMLInputElement).checked).toBe(true);
    expect(document.activeElement).toBe(screen.getByTestId('unlock-password'));
  });

  it('says what the program has to say before anybody signs in', async () => {
    const { fake } = openWindow({ phase: 'locked' });
    await screen.findByTestId('sign-in');
    act(() => fake.tellSession({ notice: { ...fault('wiped'), what: 'This profile was wiped.' } }));
    expect((await screen.findByTestId('notice')).textContent).toContain('This profile was wiped.');
  });
});

describe('rehearsal', () => {
  it('is begun by an administrator, seen by everybody, and tells what it showed', async () => {
    const { user, fake } = openWindow({ role: 'administrator' });
    await user.click(await screen.findByTestId('rail-settings'));
    expect(await screen.findByText(/There has been no rehearsal/)).toBeTruthy();
    await user.selectOptions(screen.getByTestId('rehearsal-minutes'), '15');
    await user.click(screen.getByTestId('rehearsal-start'));
    expect(fake.count('start_rehearsal')).toBe(0);
    await user.click(await screen.findByTestId('rehearsal-confirm'));
    const banner = await screen.findByTestId('rehearsal-banner');
    expect(banner.textContent).toContain('cut off from the server on purpose');
    expect(fake.calls.find((call) => call.command === 'start_rehearsal')?.args.minutes).toBe(15);
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect((await screen.findByTestId('rehearsal-report')).textContent).toContain(
      '7 could not be done.',
    );
    const rows = within(screen.getByTestId('rehearsal-counts')).getAllByRole('row');
    expect(rows[1]?.textContent).toContain('Who looked viewed');
    expect(screen.queryByTestId('status-up-to-date')).toBeNull();
    await expectAccessible();
    await user.click(screen.getByTestId('rehearsal-end'));
    await waitFor(() => expect(screen.queryByTestId('rehearsal-banner')).toBeNull());
  });

  it('shows others the banner and no switch', async () => {
    const { user } = openWindow({ rehearsal: true });
    expect(await screen.findByTestId('rehearsal-banner')).toBeTruthy();
    expect(screen.queryByTestId('rehearsal-end')).toBeNull();
    await user.click(screen.getByTestId('rail-settings'));
    await screen.findByTestId('settings-theme');
    expect(screen.queryByTestId('rehearsal')).toBeNull();
  });
});

describe('password', () => {
  it('is changed on line, twice the same, and leaves nothing on the screen', async () => {
    const { user, fake } = openWindow();
    await user.click(await screen.findByTestId('rail-settings'));
    const field = async (name: string) =>
      (await screen.findByTestId(`password-${name}`)) as HTMLInputElement;
    await user.type(await field('current'), 'wrong');
    await user.type(await field('next'), 'a longer one');
    await user.type(await field('again'), 'another one');
    await user.click(screen.getByTestId('password-submit'));
    expect(screen.getByText('The two new passwords differ')).toBeTruthy();
    expect(fake.count('change_password')).toBe(0);
    await user.clear(await field('again'));
    await user.type(await field('again'), 'a longer one');
    await user.click(screen.getByTestId('password-submit'));
    expect((await screen.findByTestId('fault')).textContent).toContain('password-wrong');
    expect((await field('next')).value).toBe('');
    await expectAccessible();
    act(() => fake.tellSync({ connection: 'offline' }));
    await waitFor(() =>
      expect((screen.getByTestId('password-submit') as HTMLButtonElement).disabled).toBe(true),
    );
  });
});
